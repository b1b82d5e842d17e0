"""Real machines on this computer: processes, networks and SSH servers of their own.

Imports nothing, so that a machine's own process starts fast and stays small.
"""

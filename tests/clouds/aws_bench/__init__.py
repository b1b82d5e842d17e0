"""Amazon's interfaces on this computer: moto behind a front that follows a script of failures.

Every running instance is a machine that SSH leads to, made as its user-data says, with a metadata
service of its own.
"""

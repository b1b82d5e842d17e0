"""Serve models across clouds: the domain library and the Python SDK."""

__version__ = "0.1.0"

API_VERSION = 1
"""Version of the messages between a command line and a controller; kept in each service's memo."""

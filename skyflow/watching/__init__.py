"""Watching a replica: its readiness probe, its processes and its machines."""

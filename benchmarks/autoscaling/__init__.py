"""Autoscaling rules on the same arrivals: ours beside published ones; README.md tells how to read it."""

"""Autoscaling rules on the same arrivals, ours beside published ones; see README.md."""

"""Autoscaling rules on the same arrivals, ours and others; README.md tells how to read it."""

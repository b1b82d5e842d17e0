"""A balancer that is alone: it serves what a file says, without Temporal."""

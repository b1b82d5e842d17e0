"""What a request through a proxy costs: ours beside others; README.md tells how to read it."""

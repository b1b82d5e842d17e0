"""Which replicas to start, drain and stop, and what a service may call itself: pure functions."""

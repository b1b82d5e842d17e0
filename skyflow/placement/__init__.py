"""Which machine to ask for next: pure functions of offers, refusals and the time."""

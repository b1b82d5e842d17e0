"""How many replicas a service should have: pure functions, one small class per policy."""

"""Artifacts, stored specs, log segments and the keys that protect them."""

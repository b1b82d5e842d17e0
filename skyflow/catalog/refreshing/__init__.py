"""Fetching prices anew from the interfaces that clouds publish them at."""

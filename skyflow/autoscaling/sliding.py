"""The highest number of a stretch of time, without keeping all of them."""

from __future__ import annotations

import math

Mark = tuple[float, int]
"""A time (Unix, seconds) until which a number counts as new, and the number."""
Marks = tuple[Mark, ...]
"""Numbers that may yet be the highest of the stretch: later ones are lower."""

_STEPS = 30
"""Parts of the stretch by which times are rounded, and thus how many marks there are at most."""


def marked(marks: Marks, now: float, number: int, seconds: float) -> Marks:
    """Return the marks of the last seconds, with the number of now.

    A number is kept for the time and up to a thirtieth of it longer.
    """
    if seconds <= 0:
        return ((now, number),)
    step = seconds / _STEPS
    rounded = math.ceil(now / step) * step
    # A clock that was set back must not keep a number for longer.
    live = [(min(at, rounded), kept) for at, kept in marks if at > now - seconds and kept > number]
    if live and live[-1][0] == rounded:
        return tuple(live)
    return (*live, (rounded, number))


def highest(marks: Marks) -> int:
    """Return the highest number of the stretch."""
    return marks[0][1]


def seconds_left(marks: Marks, now: float, seconds: float) -> float:
    """Return how long the highest number still counts."""
    return max(0.0, marks[0][0] + seconds - now)

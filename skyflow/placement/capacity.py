"""What a replica can take, by the accelerators of its machines."""

from __future__ import annotations

from collections.abc import Mapping

from skyflow.accelerators import canonical_accelerator
from skyflow.placement.offers import Offer


def capacity(offer: Offer | None, qps: Mapping[str, float]) -> float:
    """Return the requests per second that a replica on an offer can take.

    Args:
        offer: What its machines are; None if that is not known.
        qps: Requests per second by `ACCELERATOR:COUNT`, or by `ACCELERATOR` for any count that is
            not named; in any case of letters.

    Returns:
        For a count that is not named, as for the nearest one below, or else above. For an
        accelerator that is not named the least of all, so that no guess overloads it. 1 if nothing
        is said of any.

    """
    if not qps:
        return 1.0
    name = _usual(offer.accelerator or "") if offer else ""
    count = offer.accelerator_count if offer else 0
    by_count = _by_count(name, qps)
    if not by_count:
        return min(qps.values())
    below = [each for each in by_count if each <= count]
    return by_count[max(below) if below else min(by_count)]


def _by_count(name: str, qps: Mapping[str, float]) -> dict[float, float]:
    """Return what is said of an accelerator by its count; 0 stands for any."""
    found = {}
    for key, rate in qps.items():
        named, _, count = key.partition(":")
        if _usual(named) == name:
            found[float(count or 0)] = rate
    return found


def _usual(name: str) -> str:
    return canonical_accelerator(name) or name.strip().lower()

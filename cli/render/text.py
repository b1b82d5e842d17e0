"""Small pieces of text: durations, sizes, prices, resources."""

from __future__ import annotations

from skyflow.placement.offers import Offer

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def duration(seconds: float) -> str:
    """Return a number of seconds as its two largest units, such as `2h 5m`."""
    rest = max(0, int(seconds))
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    kept = [part for part in parts[:2] if not part.startswith("0")]
    return " ".join(kept) or "0s"


def size(count: float) -> str:
    """Return a number of bytes in the largest unit that leaves at least 1."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def price(dollars: float) -> str:
    """Return a price in US dollars with as many digits as it needs to be told from nothing."""
    if dollars and dollars < 0.01:
        return f"${dollars:.4f}"
    return f"${dollars:.2f}"


def quantity(count: int, thing: str) -> str:
    """Return a count with its noun, in the plural where that is due."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def number(value: float) -> str:
    """Return a number without needless digits."""
    return f"{value:g}"


def resources(offer: Offer) -> str:
    """Return what a machine of an offer has, such as `a2-highgpu-1g (12 CPUs, 85 GiB, A100:1)`."""
    parts = [f"{number(offer.cpus)} CPUs", f"{number(offer.memory_gib)} GiB"]
    if offer.accelerator:
        parts.append(f"{offer.accelerator}:{number(offer.accelerator_count)}")
    return f"{offer.place.instance_type} ({', '.join(parts)})"

"""Arrivals: made here from a seed, by rates that change in known ways."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.autoscaling.requests import SLOTS, Request, drawn

HOUR = 3600.0
MINUTE = 60.0


@dataclass(frozen=True)
class Trace:
    """Requests in the order in which they come."""

    name: str
    about: str
    requests: list[Request]
    seconds: float
    """How long it is; replicas are paid for until then."""

    @property
    def capacity(self) -> float:
        """Requests per second that a replica with all slots in use answers, on average."""
        return SLOTS * len(self.requests) / sum(each.seconds for each in self.requests)

    def busy(self, begin: float, end: float) -> float:
        """Return how many replicas what comes in a time would keep busy, on average."""
        seconds = sum(each.seconds for each in self.requests if begin <= each.at < end)
        return seconds / SLOTS / (end - begin)


Rate = Callable[[float], float]
"""Requests per second at a time."""


def built_in(names: list[str], seed: int, shorter: float = 1.0) -> list[Trace]:
    """Return the traces of these names.

    Args:
        names: Of `NAMES`.
        seed: Of everything that is drawn.
        shorter: Factor by which they end earlier.

    """
    return [_made(name, random.Random(f"{name} {seed}"), shorter) for name in names]


def _made(name: str, chance: random.Random, shorter: float) -> Trace:
    maker, about, seconds = _MAKERS[name]
    seconds /= shorter
    rate, most = maker(chance, seconds)
    return Trace(name, about, _poisson(rate, most, seconds, chance), seconds)


def _poisson(rate: Rate, most: float, seconds: float, chance: random.Random) -> list[Request]:
    """Return requests that come independently of each other, at a rate that is never above most."""
    requests, at = [], 0.0
    while (at := at + chance.expovariate(most)) < seconds:
        if chance.random() * most < rate(at):
            requests.append(drawn(at, chance))
    return requests


def _diurnal(chance: random.Random, seconds: float) -> tuple[Rate, float]:
    low, high = 1.2, 11.0
    return lambda at: low + (high - low) * (1 - math.cos(2 * math.pi * at / seconds)) / 2, high


def _spikes(chance: random.Random, seconds: float) -> tuple[Rate, float]:
    base, spikes, at = 2.5, [], 10 * MINUTE
    while at < seconds:
        length = chance.uniform(2, 8) * MINUTE
        spikes.append((at, at + length, base * chance.uniform(2, 4)))
        at += length + chance.uniform(10, 25) * MINUTE

    def rate(at: float) -> float:
        return next((peak for begin, end, peak in spikes if begin <= at < end), base)

    return rate, 4 * base


def _ramp(chance: random.Random, seconds: float) -> tuple[Rate, float]:
    low, high = 1.5, 11.0

    def rate(at: float) -> float:
        part = 6 * at / seconds
        return low + (high - low) * max(0.0, min(1.0, part - 1, 5 - part))

    return rate, high


def _on_off(chance: random.Random, seconds: float) -> tuple[Rate, float]:
    on, at = [], 5 * MINUTE
    while at < seconds:
        length = chance.uniform(10, 30) * MINUTE
        on.append((at, at + length, chance.uniform(1.5, 6)))
        at += length + chance.uniform(10, 30) * MINUTE

    def rate(at: float) -> float:
        return next((rate for begin, end, rate in on if begin <= at < end), 0.0)

    return rate, 6.0


_MAKERS: dict[str, tuple[Callable[[random.Random, float], tuple[Rate, float]], str, float]] = {
    "diurnal": (_diurnal, "a day and a night in six hours", 6 * HOUR),
    "spikes": (_spikes, "two to four times as much at once, for 2 to 8 minutes", 3 * HOUR),
    "ramp": (_ramp, "seven times as much within 25 minutes, and back", 2.5 * HOUR),
    "on-off": (_on_off, "nothing for 10 to 30 minutes again and again", 4 * HOUR),
}
NAMES = list(_MAKERS)

"""What is avoided after a refusal, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from skyflow.placement.offers import Place, Refusal
from skyflow.placement.quota import quota_family


class Avoidance(NamedTuple):
    """How long is avoided what was refused, in seconds."""

    first: float
    """After the first refusal; each further one, when it was tried again, doubles it."""
    longest: float


AVOIDANCE: Mapping[str, Avoidance] = {
    "NoCapacity": Avoidance(180, 1800),
    "QuotaExceeded": Avoidance(1800, 6 * 3600),
    "CredentialsError": Avoidance(300, 3600),
    "InvalidRequest": Avoidance(86400, 86400),
    "InvalidImage": Avoidance(86400, 86400),
}
"""By kind of refusal: capacity comes and goes within minutes; a limit is raised by a person who
asks for it; credentials may be mended at any moment; what is invalid today will be so tomorrow."""

OTHER_AVOIDANCE = Avoidance(5, 300)
"""After any other failure: it may well be gone the next time."""

FINAL_REFUSALS = frozenset({"CredentialsError", "InvalidRequest", "InvalidImage"})
"""Refusals that waiting does not mend."""

MOST_REFUSALS = 200
"""Refusals that are kept: they are part of a service's state, which must stay small."""

MESSAGE_KEPT = 300
"""Characters of a refusal's message that are kept with it; its decision has all of it. The remedy
comes last in a message, so what is left out is in the middle."""

Scope: TypeAlias = tuple[str | bool, ...]
"""What a refusal speaks for: its kind, then the parts of a place that must be the same."""


def scope(kind: str, place: Place) -> Scope:
    """Return what a refusal of a kind at a place speaks for.

    Credentials speak for the cloud; a limit for the family of types in the region, on-demand and
    spot apart; an invalid request for the type in the region, an image that is not valid there for
    the region; all else for the place alone.
    """
    if kind == "CredentialsError":
        return (kind, place.cloud)
    if kind == "QuotaExceeded":
        family = quota_family(place.cloud, place.instance_type, use_spot=place.use_spot)
        return (kind, place.cloud, place.region, family, place.use_spot)
    if kind == "InvalidRequest":
        return (kind, place.cloud, place.region, place.instance_type)
    if kind == "InvalidImage":
        return (kind, place.cloud, place.region)
    return (kind, place.cloud, place.region, place.zone, place.instance_type, place.use_spot)


def scope_in_words(kind: str, place: Place) -> str:
    """Return what a refusal of a kind at a place speaks for, for people to read."""
    market = "spot" if place.use_spot else "on-demand"
    if kind == "CredentialsError":
        return f"all of {place.cloud}"
    if kind == "QuotaExceeded":
        family = quota_family(place.cloud, place.instance_type, use_spot=place.use_spot)
        return f"{market} machines of family {family} in {place.cloud}/{place.region}"
    if kind == "InvalidRequest":
        return f"{place.instance_type} in {place.cloud}/{place.region}"
    if kind == "InvalidImage":
        return f"all of {place.cloud}/{place.region}"
    return f"{place.instance_type} in {place}"


def in_force(refusals: Iterable[Refusal], now: float) -> tuple[Refusal, ...]:
    """Return the refusals because of which something is avoided at a time (Unix, seconds)."""
    return tuple(refusal for refusal in refusals if refusal.until > now)


class Avoided:
    """Everything that some refusals speak for."""

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        """Avoid what each of the refusals speaks for, whatever the time is."""
        self._scopes = {scope(refusal.kind, refusal.place) for refusal in refusals}
        self._kinds = {str(each[0]) for each in self._scopes}

    def __contains__(self, place: Place) -> bool:
        """Return whether a place is avoided."""
        return any(scope(kind, place) in self._scopes for kind in self._kinds)


def remember(refusals: Sequence[Refusal], new: Refusal, now: float) -> list[Refusal]:
    """Return the refusals to keep once there is a new one, which comes last.

    What is refused again after it was avoided is avoided for twice as long, up to a bound. Several
    replicas that are refused the same thing at once count as one refusal. A refusal is forgotten
    when what it speaks for has not been refused for as long again as it was avoided.
    """
    new_scope = scope(new.kind, new.place)
    earlier = [
        r for r in refusals if scope(r.kind, r.place) == new_scope and not _forgotten(r, now)
    ]
    times = max((r.times + (r.until <= now) for r in earlier), default=1)
    added = new.model_copy(
        update={
            "message": _shortened(new.message),
            "times": times,
            "until": now + avoidance_seconds(new.kind, times),
        }
    )
    others = [r for r in refusals if scope(r.kind, r.place) != new_scope and not _forgotten(r, now)]
    if len(others) >= MOST_REFUSALS:
        others.remove(min(others, key=lambda refusal: refusal.until))
    return [*others, added]


def avoidance_seconds(kind: str, times: int = 1) -> float:
    """Return for how long is avoided what was refused so many times, in seconds."""
    avoidance = AVOIDANCE.get(kind, OTHER_AVOIDANCE)
    return min(avoidance.first * 2.0 ** min(times - 1, 30), avoidance.longest)


def next_try(refusals: Iterable[Refusal], now: float) -> float | None:
    """Return the time (Unix, seconds) at which the first refused place may be tried again."""
    return min((refusal.until for refusal in in_force(refusals, now)), default=None)


def refused_for_good(refusals: Sequence[Refusal], now: float) -> bool:
    """Return whether waiting mends none of the refusals in force, of which there is one."""
    active = in_force(refusals, now)
    final = Avoided(refusal for refusal in active if refusal.kind in FINAL_REFUSALS)
    return bool(active) and all(refusal.place in final for refusal in active)


def _forgotten(refusal: Refusal, now: float) -> bool:
    return now >= refusal.until + avoidance_seconds(refusal.kind, refusal.times)


def _shortened(message: str) -> str:
    if len(message) <= MESSAGE_KEPT:
        return message
    half = (MESSAGE_KEPT - 5) // 2
    return f"{message[:half]} ... {message[-half:]}"

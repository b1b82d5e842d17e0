"""Why nothing is offered: requests with one constraint less, and what is offered for them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from skyflow.placement.offers import Offer, Place, ResourceRequest
from skyflow.placement.ranking import offer_in_words

NAMES_SHOWN = 8
"""Most regions, zones or accelerators that a reason names."""

COUNTS = (0.5, 1, 2, 3, 4, 6, 8, 10, 12, 16)
"""Numbers of accelerators that machines have."""

_WITHOUT: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "cloud": {"cloud": None},
        "region": {"region": None, "zone": None},
        "zone": {"zone": None},
        "instance_type": {"instance_type": None},
        "cpus": {"cpus": None, "cpus_or_more": True},
        "memory": {"memory_gib": None, "memory_or_more": True},
        "max_hourly_cost": {"max_hourly_price": None},
        "use_spot": {"use_spot": False},
        "local_disk": {"local_disk": None},
        "image_id": {"images": ()},
        "disk_tier": {"disk_tier": None},
        "network_tier": {"network_tier": None},
        "labels": {"labels": ()},
    }
)
"""What a request is without each key of `resources` that constrains it."""


def relaxations(
    requests: Sequence[ResourceRequest],
) -> Sequence[tuple[str, tuple[ResourceRequest, ...]]]:
    """Return each key that constrains any of the requests, with the requests without it.

    In place of the accelerators asked for come those in any number, or with any memory.
    """
    accelerated = tuple(relaxed for each in requests for relaxed in _any_accelerators(each))
    found = [("accelerators", accelerated)] if accelerated else []
    for key, changes in _WITHOUT.items():
        relaxed = tuple(dict.fromkeys(each.model_copy(update=changes) for each in requests))
        if relaxed != tuple(dict.fromkeys(requests)):
            found.append((key, relaxed))
    return found


def any_accelerator() -> tuple[ResourceRequest, ...]:
    """Return requests that every machine with an accelerator meets one of."""
    return tuple(
        ResourceRequest(
            accelerator_memory_gib=0,
            accelerator_memory_or_more=True,
            accelerator_count=count,
            use_spot=use_spot,
        )
        for count in COUNTS
        for use_spot in (False, True)
    )


def why_refused(key: str, requests: Sequence[ResourceRequest], offers: Sequence[Offer]) -> str:
    """Return what one key asks for, and what there is in its place.

    Args:
        key: Key of `resources`, of those that `relaxations` names.
        requests: With the key.
        offers: What is offered without it, best first; not empty.

    """
    explain = _REASONS.get(key, _otherwise)
    cheapest = min(offers, key=lambda offer: offer.hourly_price)
    return f"`{key}`: {explain(requests, offers)}; the cheapest: {offer_in_words(cheapest)}"


def why_no_accelerator(requests: Sequence[ResourceRequest], known: Iterable[str]) -> Sequence[str]:
    """Return what to say of each accelerator that is offered nowhere.

    Args:
        requests: What was asked for.
        known: Names of the accelerators that are offered at all.

    """
    names = tuple(dict.fromkeys(known))
    asked = dict.fromkeys(each.accelerator for each in requests if each.accelerator)
    if asked and not names:
        return ("`accelerators`: no cloud that can be used has any",)
    return tuple(_unknown(name, names) for name in asked if name not in names)


def _unknown(name: str, known: Sequence[str]) -> str:
    spelled = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), spelled, n=1)
    hint = f"did you mean `{spelled[close[0]]}`?" if close else f"there are: {_names(known)}"
    return f"`accelerators`: no cloud that can be used has `{name}`; {hint}"


def _any_accelerators(request: ResourceRequest) -> Iterator[ResourceRequest]:
    by_memory = request.accelerator_memory_gib is not None
    if request.accelerator is None and not by_memory:
        return
    changes: dict[str, object] = {}
    if by_memory:
        changes = {
            "accelerator_memory_gib": 0,
            "accelerator_memory_or_more": True,
            "accelerator_maker": None,
        }
    for count in COUNTS:
        yield request.model_copy(update={**changes, "accelerator_count": count})


def _accelerators(requests: Sequence[ResourceRequest], offers: Sequence[Offer]) -> str:
    counts: dict[str, set[float]] = {}
    for offer in offers:
        counts.setdefault(offer.accelerator or "", set()).add(offer.accelerator_count)
    comes = [
        f"{name} comes {' or '.join(f'{count:g}' for count in sorted(each))} to a machine"
        for name, each in counts.items()
    ]
    return _names(comes)


def _regions(requests: Sequence[ResourceRequest], offers: Sequence[Offer]) -> str:
    return f"it is offered in {_places(offers, lambda place: f'{place.cloud}/{place.region}')}"


def _zones(requests: Sequence[ResourceRequest], offers: Sequence[Offer]) -> str:
    return f"it is offered in {_places(offers, lambda place: place.zone)}"


def _clouds(requests: Sequence[ResourceRequest], offers: Sequence[Offer]) -> str:
    return f"it is offered by {_places(offers, lambda place: place.cloud)}"


def _types(requests: Sequence[ResourceRequest], offers: Sequence[Offer]) -> str:
    return f"what else is asked for {_places(offers, lambda place: place.instance_type)} has"


def _price(requests: Sequence[ResourceRequest], offers: Sequence[Offer]) -> str:
    most = max(each.max_hourly_price or 0 for each in requests)
    return f"nothing that has the rest costs at most ${most:g}/h"


def _otherwise(requests: Sequence[ResourceRequest], offers: Sequence[Offer]) -> str:
    count = "one offer" if len(offers) == 1 else f"{len(offers)} offers"
    return f"without it there {'is' if len(offers) == 1 else 'are'} {count}"


_REASONS: Mapping[str, Callable[[Sequence[ResourceRequest], Sequence[Offer]], str]] = {
    "accelerators": _accelerators,
    "cloud": _clouds,
    "region": _regions,
    "zone": _zones,
    "instance_type": _types,
    "max_hourly_cost": _price,
}


def _places(offers: Sequence[Offer], part: Callable[[Place], str]) -> str:
    return _names(dict.fromkeys(part(offer.place) for offer in offers))


def _names(names: Iterable[str]) -> str:
    found = list(names)
    more = len(found) - NAMES_SHOWN
    return ", ".join(found[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")

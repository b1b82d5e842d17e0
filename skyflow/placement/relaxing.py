"""Why nothing is offered: requests with one constraint less, and what is offered for them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from skyflow.placement.offers import Offer, Place, ResourceRequest
from skyflow.placement.ranking import offer_in_words

NAMES_SHOWN = 8
"""Most regions, zones or accelerators that a reason names."""

_WITHOUT_ACCELERATORS: Mapping[str, object] = {
    "accelerator": None,
    "accelerator_count": 0,
    "accelerator_memory_gib": None,
    "accelerator_memory_or_more": False,
    "accelerator_maker": None,
}
_WITHOUT: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "accelerators": _WITHOUT_ACCELERATORS,
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
    """Return each key that constrains any of the requests, with the requests without it."""
    found = []
    for key, changes in _WITHOUT.items():
        relaxed = tuple(dict.fromkeys(each.model_copy(update=changes) for each in requests))
        if relaxed != tuple(dict.fromkeys(requests)):
            found.append((key, relaxed))
    return found


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
    return tuple(_unknown(name, names) for name in asked if name not in names)


def _unknown(name: str, known: Sequence[str]) -> str:
    spelled = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), spelled, n=1)
    hint = f"did you mean `{spelled[close[0]]}`?" if close else f"there are: {_names(known)}"
    return f"`accelerators`: no cloud that can be used has `{name}`; {hint}"


def _accelerators(requests: Sequence[ResourceRequest], offers: Sequence[Offer]) -> str:
    counts = {
        name: sorted({o.accelerator_count for o in offers if o.accelerator == name})
        for name in dict.fromkeys(each.accelerator for each in requests if each.accelerator)
    }
    offered = [
        f"{name} by {_names(f'{count:g}' for count in each)}"
        for name, each in counts.items()
        if each
    ]
    if offered:
        return f"a machine has {', or '.join(offered)}"
    return _otherwise(requests, offers)


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

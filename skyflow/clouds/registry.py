"""The clouds there are, which of them can be used, and what they offer together."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from skyflow.clouds.base import Cloud
from skyflow.config import Settings
from skyflow.contracts import OfferQuery, Offers
from skyflow.errors import SkyflowError, UsageError
from skyflow.orphans import OwnedMachine
from skyflow.placement.offers import Offer, Place, ResourceRequest
from skyflow.placement.ranking import rank

_LOCAL = "local"


def _fake(settings: Settings) -> Cloud:
    from skyflow.clouds.fake import FakeCloud

    return FakeCloud(settings)


def _local(settings: Settings) -> Cloud:
    from skyflow.clouds.local.cloud import LocalCloud

    return LocalCloud(settings)


def _aws(settings: Settings) -> Cloud:
    from skyflow.clouds.aws.cloud import AwsCloud

    return AwsCloud(settings)


# Each is imported when it is used: the libraries of some clouds take seconds to load.
CLOUDS: Mapping[str, Callable[[Settings], Cloud]] = MappingProxyType(
    {"aws": _aws, "fake": _fake, _LOCAL: _local}
)
"""Every cloud by name, with what makes it."""


def get_cloud(name: str, settings: Settings) -> Cloud:
    """Return a cloud by name.

    Raises:
        UsageError: There is no such cloud, or it lacks what it needs to be used at all.

    """
    if make := CLOUDS.get(name):
        return make(settings)
    close = difflib.get_close_matches(name, _usual_names(), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise UsageError(
        f"there is no cloud {name!r}{hint}", f"use one of: {', '.join(_usual_names())}"
    )


async def enabled_clouds(settings: Settings) -> list[str]:
    """Return the clouds that can be used; `local` only if it is the only one."""
    names = [name for name in _usual_names() if name != _LOCAL]
    problems = await asyncio.gather(*(_problem(name, settings) for name in names))
    enabled = [name for name, problem in zip(names, problems, strict=True) if problem is None]
    if enabled:
        return enabled
    return [] if await _problem(_LOCAL, settings) else [_LOCAL]


async def find_offers(
    settings: Settings, query: OfferQuery, enabled: Sequence[str] | None = None
) -> Offers:
    """Return every offer that meets any of the requests, from every cloud that may be meant.

    They come in the order of `rank`; what the query avoids is left out. A cloud that is named is
    asked whether or not others are enabled. One that cannot answer, or cannot carry out a key of a
    request, is among the problems.

    Args:
        settings: Settings of the installation.
        query: What is wanted, avoided and in use.
        enabled: What `enabled_clouds` returned; looked up if None.

    """
    names = {request.cloud for request in query.resources if request.cloud}
    if enabled is None and any(request.cloud is None for request in query.resources):
        enabled = await enabled_clouds(settings)
    usual = set(enabled or ())
    order = sorted(names | usual)
    answers = await asyncio.gather(
        *(
            _ask(name, settings, query, _meant_for(name, query, usual), checked=name in usual)
            for name in order
        )
    )
    found: dict[Place, Offer] = {}
    for offer in sorted((offer for offers, _ in answers for offer in offers), key=_worth):
        found.setdefault(offer.place, offer)
    ranked = rank(found.values(), query.avoided, query.in_use)
    problems = tuple(problem for _, problems in answers for problem in problems)
    return Offers(offers=ranked, problems=problems, avoided=len(found) - len(ranked))


def unsupported_keys(
    settings: Settings, requests: Sequence[ResourceRequest]
) -> Sequence[tuple[str, str, str]]:
    """Return what requests ask of the cloud they name and it can never carry out.

    Returns:
        For each the cloud, the key of `resources` or `file_mounts`, and why. Nothing is said of a
        cloud that there is not.

    """
    found = [
        (request.cloud, key, why)
        for request in requests
        if request.cloud in _usual_names()
        for key, why in get_cloud(request.cloud, settings).unsupported(request).items()
    ]
    return tuple(dict.fromkeys(found))


async def owned_machines(
    settings: Settings, prefix: str
) -> tuple[tuple[OwnedMachine, ...], tuple[str, ...]]:
    """Return every machine whose name starts with a prefix, at every cloud that can be used.

    Returns:
        The machines, and for each cloud that could not say which it has, why.

    """
    names = _usual_names()
    answers = await asyncio.gather(*(_owned(name, settings, prefix) for name in names))
    machines = tuple(machine for found, _ in answers for machine in found)
    return machines, tuple(problem for _, problem in answers if problem)


async def _owned(
    name: str, settings: Settings, prefix: str
) -> tuple[Sequence[OwnedMachine], str | None]:
    try:
        cloud = get_cloud(name, settings)
        check = await cloud.check()
        if not check.enabled:
            return [], f"{name}: {check.detail}" if check.set_up else None
        found = await cloud.owned(prefix)
    except SkyflowError as error:
        return [], f"{name}: {error.message}"
    return [OwnedMachine(name=machine, place=place) for machine, place in found], None


async def withdraw(settings: Settings, incarnation: str) -> None:
    """Let machines of a service no longer at the buckets that it mounts, at any cloud.

    Raises:
        CloudError: A cloud could not be asked; others may have done it.

    """
    await asyncio.gather(*(cloud.withdraw(incarnation) for cloud in _all_clouds(settings)))


async def remove_shared(settings: Settings) -> None:
    """Remove what services of an installation share at each cloud, once nothing of it runs.

    Raises:
        CloudError: It could not be done.

    """
    await asyncio.gather(*(cloud.remove_shared() for cloud in _all_clouds(settings)))


def _all_clouds(settings: Settings) -> list[Cloud]:
    """Return the clouds, but for those whose settings are wrong, which nothing can be asked of."""
    clouds = []
    for name in _usual_names():
        with contextlib.suppress(UsageError):
            clouds.append(get_cloud(name, settings))
    return clouds


def _usual_names() -> list[str]:
    """Return the clouds to speak of: the fake one only to whoever has given it a script."""
    return [name for name in CLOUDS if name != "fake" or os.environ.get("SKYFLOW_FAKE_CLOUD")]


async def _problem(name: str, settings: Settings) -> str | None:
    try:
        check = await get_cloud(name, settings).check()
    except SkyflowError as error:
        return error.message
    return None if check.enabled else check.detail


def _meant_for(name: str, query: OfferQuery, usual: set[str]) -> list[tuple[int, ResourceRequest]]:
    """Return the requests that a cloud may meet, each with its position."""
    return [
        (position, request)
        for position, request in enumerate(query.resources)
        if request.cloud == name or (request.cloud is None and name in usual)
    ]


async def _ask(
    name: str,
    settings: Settings,
    query: OfferQuery,
    requests: list[tuple[int, ResourceRequest]],
    *,
    checked: bool,
) -> tuple[Sequence[Offer], Sequence[str]]:
    if not checked and (problem := await _problem(name, settings)):
        return [], [f"{name}: {problem}"]
    try:
        cloud = get_cloud(name, settings)
        lacks = {at: cloud.unsupported(request) for at, request in requests}
        asked = [(at, request) for at, request in requests if not lacks[at]]
        answers = await asyncio.gather(*(cloud.offers(request) for _, request in asked))
    except SkyflowError as error:
        return [], [f"{name}: {error.message}"]
    said = dict.fromkeys(
        f"{name} cannot carry out `{key}`: {why}"
        for each in lacks.values()
        for key, why in each.items()
    )
    found = [
        _placed(offer, at, preference=at if query.ordered else 0)
        for (at, request), answer in zip(asked, answers, strict=True)
        for offer in answer
        if not request.images or request.image(offer.place.region)
    ]
    return found, tuple(said)


def _placed(offer: Offer, request: int, *, preference: int) -> Offer:
    if (offer.request, offer.preference) == (request, preference):
        return offer
    return offer.model_copy(update={"preference": preference, "request": request})


def _worth(offer: Offer) -> tuple[int, float, int]:
    """Return what decides which of several requests an offer is taken to meet."""
    return (offer.preference, offer.hourly_price, offer.request)

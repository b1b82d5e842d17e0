"""The error of a service whose machines no cloud offers: why, constraint by constraint."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from skyflow.clouds.registry import enabled_clouds, find_offers
from skyflow.config import Settings
from skyflow.contracts import OfferQuery, Offers
from skyflow.errors import UsageError
from skyflow.placement.offers import ResourceRequest
from skyflow.placement.relaxing import any_accelerator, relaxations, why_no_accelerator, why_refused
from skyflow.sdk.plan import describe_request

REQUESTS_SHOWN = 5
"""Most kinds of machines that the error names."""


async def nothing_offered(settings: Settings, query: OfferQuery, found: Offers) -> UsageError:
    """Return the error of a query that no cloud has an offer for.

    Each key of `resources` is left out in turn; what is then offered says what the key asks too
    much of.
    """
    asked = list(dict.fromkeys(describe_request(request) for request in query.resources))
    more = len(asked) - REQUESTS_SHOWN
    what = " or ".join(asked[:REQUESTS_SHOWN]) + (f" or {more} more" if more > 0 else "")
    reasons = [*found.problems, *await _reasons(settings, query.resources)]
    lines = "".join(f"\n  {reason}" for reason in reasons)
    return UsageError(
        f"no enabled cloud offers {what}{lines}",
        "change `resources`, or enable another cloud: `skyflow check` says what each one needs",
    )


async def _reasons(settings: Settings, requests: tuple[ResourceRequest, ...]) -> Sequence[str]:
    keys = relaxations(requests)
    enabled = await enabled_clouds(settings)
    answers = await asyncio.gather(
        *(find_offers(settings, OfferQuery(resources=relaxed), enabled) for _, relaxed in keys)
    )
    unknown = await _unknown_accelerators(settings, requests, enabled)
    reasons = [
        why_refused(key, requests, answer.offers)
        for (key, _), answer in zip(keys, answers, strict=True)
        if answer.offers and not (unknown and key == "accelerators")
    ]
    if not reasons and not unknown and len(keys) > 1:
        return ["leaving out any one of these keys would not do: " + ", ".join(k for k, _ in keys)]
    return [*unknown, *reasons]


async def _unknown_accelerators(
    settings: Settings, requests: tuple[ResourceRequest, ...], enabled: Sequence[str]
) -> Sequence[str]:
    """Say of each accelerator that no enabled cloud has at all."""
    if not any(request.accelerator for request in requests):
        return ()
    found = await find_offers(settings, OfferQuery(resources=any_accelerator()), enabled)
    return why_no_accelerator(requests, (o.accelerator for o in found.offers if o.accelerator))

"""What deploying a service would do, found out before anything is done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from skyflow.config import Settings
from skyflow.contracts import OfferQuery, Offers
from skyflow.errors import UsageError
from skyflow.placement.offers import Offer, ResourceRequest
from skyflow.placement.ranking import spread
from skyflow.records import Record
from skyflow.sdk.support import check_named_clouds
from skyflow.state import ServiceSettings

if TYPE_CHECKING:
    from skyflow.spec import Task
    from skyflow.storage.specs import PreparedSpec


class Plan(Record):
    """What runs where, and what it costs."""

    name: str
    settings: ServiceSettings
    offers: tuple[Offer, ...]
    """In the order in which they are tried; never empty."""
    problems: tuple[str, ...] = ()
    """Clouds that could not answer, and why."""
    files: tuple[tuple[str, int], ...] = ()
    """What is copied to each machine: where it gets there, and its size in bytes: packed, if it
    is from this computer."""

    @property
    def hourly_price(self) -> float:
        """US dollars per hour for all replicas, if no offer is refused."""
        return sum(offer.hourly_price for offer in self.chosen) * self.settings.num_nodes

    @property
    def chosen(self) -> tuple[Offer, ...]:
        """The offer that each replica gets if none is refused."""
        return spread(self.offers, self.settings.replicas)

    def with_files(self, prepared: PreparedSpec) -> Plan:
        """Return the plan with the files that were prepared."""
        files = (
            *((target, taken.size) for target, taken in prepared.snapshots),
            *((target, source.size) for target, source in prepared.sources),
        )
        return self.model_copy(update={"files": files})


async def make_plan(task: Task, name: str, settings: Settings) -> Plan:
    """Find what meets a service's needs.

    Raises:
        UsageError: No cloud that is enabled offers it, the cloud that is named cannot carry out
            one of its keys, or it cannot work on the only one that does.

    """
    from skyflow.clouds.registry import find_offers
    from skyflow.sdk.nothing_offered import nothing_offered

    wanted = task.settings()
    check_named_clouds(task, settings)
    query = OfferQuery(resources=wanted.resources, ordered=wanted.ordered)
    found = await find_offers(settings, query)
    if not found.offers:
        raise await nothing_offered(settings, query, found)
    await _check_network(task, found, settings)
    return Plan(name=name, settings=wanted, offers=found.offers, problems=found.problems)


async def _check_network(task: Task, found: Offers, settings: Settings) -> None:
    """Refuse a service that chooses its own port where only a shared network is on offer.

    Raises:
        UsageError: It does.

    """
    from skyflow.clouds.local.cloud import NAME
    from skyflow.clouds.local.fixed_port import shared_network_problem
    from skyflow.clouds.local.mode import network_mode

    if any(offer.place.cloud != NAME for offer in found.offers):
        return
    if await asyncio.to_thread(network_mode, settings.local_network) == "own":
        return
    if problem := await asyncio.to_thread(shared_network_problem, task):
        raise UsageError(problem)


def describe_request(request: ResourceRequest) -> str:
    """Return what a request asks for, in words."""
    parts = [
        request.instance_type or "",
        _accelerators(request),
        _amount(request.cpus, request.cpus_or_more, "CPUs"),
        _amount(request.memory_gib, request.memory_or_more, "GiB of memory"),
        f"local disks {request.local_disk}" if request.local_disk else "",
        "spot" if request.use_spot else "",
        f"at most ${request.max_hourly_price:g}/h" if request.max_hourly_price else "",
    ]
    what = ", ".join(part for part in parts if part) or "a machine"
    where = "/".join(p for p in (request.cloud, request.region, request.zone) if p)
    return f"{what} on {where}" if where else what


def _accelerators(request: ResourceRequest) -> str:
    count = f":{request.accelerator_count:g}"
    if request.accelerator_memory_gib is None:
        return request.accelerator + count if request.accelerator else ""
    maker = f"{request.accelerator_maker}:" if request.accelerator_maker else ""
    more = "+" if request.accelerator_memory_or_more else ""
    return f"{maker}{request.accelerator_memory_gib:g}GB{more}{count}"


def _amount(value: float | None, or_more: bool, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:g}{' or more' if or_more else ''} {unit}"

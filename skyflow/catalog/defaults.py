"""What a request means that leaves open what kind of machine will do.

The rules are those of SkyPilot, so that a service YAML of its gets machines of the same size.
"""

from __future__ import annotations

import re

from skyflow.catalog.machines import MachineType
from skyflow.placement.offers import ResourceRequest

DEFAULT_CPUS = 8.0
"""CPUs at least where neither CPUs, memory, accelerators nor a type are named."""

MEMORY_GIB_PER_CPU = 4.0
"""Memory at least where neither memory, accelerators nor a type are named."""

_BURSTABLE = re.compile(r"t\d[a-z]*\..*|e2-(micro|small|medium)|f1-micro|g1-small")
"""Types whose CPUs are the customer's for a part of the time only."""


def with_defaults(request: ResourceRequest) -> ResourceRequest:
    """Return a request with the CPUs that it asks for without naming them."""
    if not _is_open(request) or (request.cpus, request.memory_gib) != (None, None):
        return request
    return request.model_copy(update={"cpus": DEFAULT_CPUS, "cpus_or_more": True})


def is_usual(machine: MachineType, request: ResourceRequest) -> bool:
    """Return whether a type may be taken for a request that leaves the type open.

    For CPUs nobody wants to pay for accelerators, nor be slowed down after some minutes.
    """
    if not _is_open(request):
        return True
    enough = request.memory_gib is not None or machine.memory_gib >= (
        MEMORY_GIB_PER_CPU * machine.cpus
    )
    return enough and machine.accelerator is None and not _BURSTABLE.fullmatch(machine.name)


def _is_open(request: ResourceRequest) -> bool:
    named = (request.instance_type, request.accelerator, request.accelerator_memory_gib)
    return all(part is None for part in named)

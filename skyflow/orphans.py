"""What an installation has that nobody looks after any more: no effects, no clock."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from skyflow.naming import parse_machine_name
from skyflow.placement.offers import Place
from skyflow.records import Record


class ServiceId(Record):
    """One incarnation of a service."""

    service: str
    incarnation: str


class ReplicaId(Record):
    """One replica."""

    service: str
    incarnation: str
    replica_id: int


class StartedReplica(Record):
    """A replica that its service takes to have a workflow."""

    replica_id: int
    attempt: int
    """The offer that it tries or has, counted from 1."""


class RunningService(Record):
    """A service whose workflow runs."""

    service: str
    incarnation: str
    port: int | None = None
    replicas: tuple[StartedReplica, ...] = ()


class HeldPort(Record):
    """An endpoint port, and the service that has it."""

    service: str
    incarnation: str
    port: int


class OwnedMachine(Record):
    """A machine of this installation."""

    name: str
    place: Place


class Survey(Record):
    """Everything there is of an installation, seen one kind after the other, in this order.

    What is made last is looked at first, so that whatever was seen had its owner at that time.
    """

    machines: tuple[OwnedMachine, ...] = ()
    files: tuple[str, ...] = ()
    """Incarnations that have files in the store, but for those of the last hour."""
    ports: tuple[HeldPort, ...] = ()
    """Ports that the installation has given out."""
    balancers: tuple[str, ...] = ()
    replicas: tuple[ReplicaId, ...] = ()
    """Those whose workflows run."""
    services: tuple[RunningService, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be looked at, and why; nothing of it counts as orphaned."""


class Orphans(Record):
    """What has lost what it belongs to."""

    services: tuple[ServiceId, ...] = ()
    """Services that do not run and have left replicas or a port."""
    replicas: tuple[ReplicaId, ...] = ()
    """Replicas that run, of services that do not."""
    lost_replicas: tuple[ReplicaId, ...] = ()
    """Replicas without a workflow, of services that run and do not know it."""
    machines: tuple[OwnedMachine, ...] = ()
    """Machines of replicas without a workflow, or of an attempt that is over."""
    files: tuple[str, ...] = ()
    """Incarnations of which nothing runs that have files in the store."""
    ports: tuple[HeldPort, ...] = ()
    """Ports of services that do not run."""
    unknown_ports: tuple[HeldPort, ...] = ()
    """Ports of running services that the installation knows nothing of."""

    @property
    def found(self) -> bool:
        """Whether there is anything to do."""
        return any(getattr(self, name) for name in type(self).model_fields)

    def also_in(self, other: Orphans) -> Orphans:
        """Return what is orphaned here and there: what was merely on its way is not."""
        return Orphans(
            **{
                name: tuple(each for each in getattr(self, name) if each in getattr(other, name))
                for name in type(self).model_fields
            }
        )


def find_orphans(survey: Survey) -> Orphans:
    """Return what a survey shows to be without an owner."""
    running = {(s.service, s.incarnation) for s in survey.services}
    alive = {(r.incarnation, r.replica_id) for r in survey.replicas}
    in_use = {s.incarnation for s in survey.services} | {r.incarnation for r in survey.replicas}
    replicas = _without(survey.replicas, running, lambda r: (r.service, r.incarnation))
    ports = _without(survey.ports, running, lambda p: (p.service, p.incarnation))
    left = sorted(
        {(r.service, r.incarnation) for r in replicas} | {(p.service, p.incarnation) for p in ports}
    )
    return Orphans(
        services=tuple(ServiceId(service=name, incarnation=which) for name, which in left),
        replicas=replicas,
        lost_replicas=_lost_replicas(survey, alive),
        machines=_orphaned_machines(survey, alive),
        files=tuple(incarnation for incarnation in survey.files if incarnation not in in_use),
        ports=ports,
        unknown_ports=_unknown_ports(survey),
    )


Thing = TypeVar("Thing")


def _without(
    things: Iterable[Thing], owners: set[tuple[str, str]], owner: Callable[[Thing], Hashable]
) -> tuple[Thing, ...]:
    return tuple(thing for thing in things if owner(thing) not in owners)


def _lost_replicas(survey: Survey, alive: set[tuple[str, int]]) -> tuple[ReplicaId, ...]:
    return tuple(
        ReplicaId(service=s.service, incarnation=s.incarnation, replica_id=r.replica_id)
        for s in survey.services
        for r in s.replicas
        if (s.incarnation, r.replica_id) not in alive
    )


def _orphaned_machines(survey: Survey, alive: set[tuple[str, int]]) -> tuple[OwnedMachine, ...]:
    attempts = {
        (s.incarnation, r.replica_id): r.attempt for s in survey.services for r in s.replicas
    }

    def orphaned(machine: OwnedMachine) -> bool:
        made_for = parse_machine_name(machine.name)
        if made_for is None:
            return False
        replica = (made_for.incarnation, made_for.replica_id)
        return replica not in alive or made_for.attempt < attempts.get(replica, 0)

    return tuple(machine for machine in survey.machines if orphaned(machine))


def _unknown_ports(survey: Survey) -> tuple[HeldPort, ...]:
    used = (
        HeldPort(service=s.service, incarnation=s.incarnation, port=s.port)
        for s in survey.services
        if s.port is not None
    )
    return tuple(port for port in used if port not in survey.ports)

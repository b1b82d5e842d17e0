"""How much is asked of services, as balancers measure it: what can be added up, and compared."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from skyflow.histograms import BUCKETS, added, quantile
from skyflow.records import Record


class Durations(Record):
    """A histogram of durations, with the buckets of skyflow/histograms.py."""

    counts: tuple[int, ...] = (0,) * BUCKETS
    microseconds: int = 0
    """Sum of all durations."""

    @property
    def count(self) -> int:
        """Number of durations."""
        return sum(self.counts)

    @property
    def seconds(self) -> float:
        """Sum of all durations."""
        return self.microseconds / 1_000_000

    def quantile(self, share: float) -> float | None:
        """Return the seconds that a share (0 to 1) of the durations does not exceed, if any."""
        return quantile(self.counts, share)

    def merged(self, other: Durations) -> Durations:
        """Return both together.

        Raises:
            ValueError: They have different buckets.
        """
        return Durations(
            counts=added(self.counts, other.counts),
            microseconds=self.microseconds + other.microseconds,
        )

    def since(self, earlier: Durations) -> Durations:
        """Return what was added after an earlier look at the same process.

        Raises:
            ValueError: They have different buckets.
        """
        return Durations(
            counts=added(self.counts, [-count for count in earlier.counts]),
            microseconds=self.microseconds - earlier.microseconds,
        )


class ServiceLoad(Record):
    """What was asked of one incarnation of a service, and what is waiting now.

    Numbers without "now" grow from the start of a process, and begin anew with it.
    """

    service: str
    incarnation: str
    arrived: int = 0
    """Requests whose head came."""
    ended: int = 0
    """Those that were answered, given up or cut."""
    retries: int = 0
    """Times that a request was sent to one more replica."""
    ejections: int = 0
    """Times that a replica was passed over from then on, because it failed."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency: Durations = Durations()
    """From the head of a request to the end of its answer, if a replica was chosen for it."""
    first_byte: Durations = Durations()
    """From the head of a request to the first byte of a replica's answer."""
    queue_wait: Durations = Durations()
    """From the head of a request until a replica was chosen, or it was given up."""
    stream: Durations = Durations()
    """From the first byte to the last, of event streams and tunnels."""
    ready_replicas: int = 0
    """Replicas that get requests now."""
    in_flight: int = 0
    """Requests that replicas work on now."""
    queued: int = 0
    """Requests that wait for a replica now."""
    oldest_wait_seconds: float = 0
    """How long the one that has waited longest waits now."""
    replica_in_flight: dict[int, int] = Field(default={})
    """Of `in_flight`, those of each replica by id; replicas with none are not in it."""

    def merged(self, other: ServiceLoad) -> ServiceLoad:
        """Return both together: the same service as two processes saw it."""
        values = {name: getattr(self, name) + getattr(other, name) for name in (*_GROWING, *_NOW)}
        durations = {name: getattr(self, name).merged(getattr(other, name)) for name in _DURATIONS}
        # Every process serves the same replicas, and none knows more than there are.
        extremes = {name: max(getattr(self, name), getattr(other, name)) for name in _EXTREMES}
        by_replica = dict(self.replica_in_flight)
        for replica, number in other.replica_in_flight.items():
            by_replica[replica] = by_replica.get(replica, 0) + number
        changes = {**values, **durations, **extremes, "replica_in_flight": by_replica}
        return self.model_copy(update=changes)

    def since(self, earlier: ServiceLoad | None) -> ServiceLoad:
        """Return what was added after an earlier look at the same process; what is now stays."""
        if earlier is None:
            return self
        values = {name: getattr(self, name) - getattr(earlier, name) for name in _GROWING}
        durations = {name: getattr(self, name).since(getattr(earlier, name)) for name in _DURATIONS}
        return self.model_copy(update={**values, **durations})

    def over(self) -> ServiceLoad:
        """Return what is left of it once its process has ended: nothing is waiting any more."""
        nothing = dict.fromkeys((*_NOW, *_EXTREMES), 0)
        return self.model_copy(update={**nothing, "replica_in_flight": {}})


_GROWING = ("arrived", "ended", "retries", "ejections", "prompt_tokens", "completion_tokens")
_DURATIONS = ("latency", "first_byte", "queue_wait", "stream")
_NOW = ("in_flight", "queued")
_EXTREMES = ("ready_replicas", "oldest_wait_seconds")


class ProcessLoad(Record):
    """All services as one process of a balancer saw them since it started."""

    process: str
    """Differs after each start: numbers of another one are not compared with these."""
    sequence: int
    """Grows with each report of the process."""
    wakes: int = 0
    """Times that a request came to a service without a ready replica; at most one a second and
    service is counted."""
    services: tuple[ServiceLoad, ...] = ()


class LoadReport(Record):
    """What some processes of some balancers saw; reports can be merged in any order, and twice."""

    processes: tuple[ProcessLoad, ...] = ()
    """By id, each one once."""

    @property
    def cursor(self) -> str:
        """What of this report to tell the next question, so that nothing new is waited for."""
        return ",".join(f"{load.process}:{load.wakes}" for load in self.processes)

    def merged(self, other: LoadReport) -> LoadReport:
        """Return both together: of each process the latest."""
        latest: dict[str, ProcessLoad] = {}
        for load in (*self.processes, *other.processes):
            known = latest.get(load.process)
            if known is None or known.sequence < load.sequence:
                latest[load.process] = load
        return LoadReport(processes=tuple(latest[process] for process in sorted(latest)))

    def since(self, earlier: LoadReport) -> LoadReport:
        """Return what was added after an earlier report; of a process new to it, everything."""
        known = {
            (load.process, service.service, service.incarnation): service
            for load in earlier.processes
            for service in load.services
        }
        return LoadReport(processes=tuple(_since(load, known) for load in self.processes))

    def total(self, service: str, incarnation: str) -> ServiceLoad:
        """Return the load of one incarnation of a service in all processes."""
        return total(
            ServiceLoad(service=service, incarnation=incarnation),
            (
                found
                for load in self.processes
                for found in load.services
                if (found.service, found.incarnation) == (service, incarnation)
            ),
        )


def total(first: ServiceLoad, others: Iterable[ServiceLoad]) -> ServiceLoad:
    """Return several loads of one service together."""
    for other in others:
        first = first.merged(other)
    return first


def _since(load: ProcessLoad, known: dict[tuple[str, str, str], ServiceLoad]) -> ProcessLoad:
    services = tuple(
        service.since(known.get((load.process, service.service, service.incarnation)))
        for service in load.services
    )
    return load.model_copy(update={"services": services})

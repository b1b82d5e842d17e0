"""What is known of the load of services from all balancers, as time goes on.

Pure: the time is given, in seconds of a clock that does not jump.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from skyflow.load import LoadReport, ProcessLoad, ServiceLoad

FRESH_SECONDS = 3.0
"""A report that is older says nothing of now: three times as old as it should ever be."""
LEFT_OUT_SECONDS = 30.0
"""A balancer that is silent for longer is no longer waited for: its traffic cannot be known, and
the others' must still be acted on."""

Name = tuple[str, str]
"""Service and incarnation."""


@dataclass(frozen=True, slots=True)
class LoadView:
    """What all balancers say of one incarnation of a service."""

    at: float
    """Time (`time.monotonic`, seconds) of the newest report in it."""
    report: LoadReport
    """Every process that was heard, with this service only; none if it was not asked for there."""
    silent: tuple[str, ...] = ()
    """Balancers that do not answer now; what they said last is in the report."""
    left_out: tuple[str, ...] = ()
    """Balancers that have not answered for so long that the report is without them."""

    @property
    def complete(self) -> bool:
        """Whether every balancer that counts has just answered, and at least one does."""
        return not self.silent and bool(self.report.processes)


class LoadViews:
    """The last reports of all balancers, indexed by service."""

    def __init__(self) -> None:
        """Begin without balancers."""
        self._balancers: dict[str, _Balancer] = {}

    def know(self, balancers: Iterable[str], now: float) -> None:
        """Note which balancers there are; others are forgotten."""
        known = self._balancers
        self._balancers = {each: known.get(each) or _Balancer(now) for each in sorted(balancers)}

    def heard(self, balancer: str, report: LoadReport, now: float) -> frozenset[Name]:
        """Note a report.

        Returns:
            The services that requests came to since the report before while none of their
            replicas was ready.

        """
        known = self._balancers.get(balancer)
        if known is None:
            return frozenset()
        before, known.loads = known.loads, _by_service(report)
        known.processes = report.processes
        known.heard_at, known.failing_since = now, None
        return frozenset(
            name for name, loads in known.loads.items() if _woken(loads, before.get(name, {}))
        )

    def failed(self, balancer: str, now: float) -> None:
        """Note that a balancer did not answer."""
        known = self._balancers.get(balancer)
        if known and known.failing_since is None:
            known.failing_since = now

    def counts(self, balancer: str, now: float) -> bool:
        """Return whether a balancer is waited for."""
        known = self._balancers.get(balancer)
        return known is not None and not known.left_out(now)

    def view(self, service: str, incarnation: str, now: float) -> LoadView:
        """Return what is known of one incarnation of a service."""
        name = (service, incarnation)
        counted = {
            balancer: known
            for balancer, known in self._balancers.items()
            if not known.left_out(now)
        }
        processes = [load for known in counted.values() for load in known.restricted(name)]
        silent = tuple(balancer for balancer, known in counted.items() if known.silent(now))
        heard = [known.heard_at for known in counted.values() if known.heard_at is not None]
        return LoadView(
            at=max(heard, default=now),
            report=LoadReport(processes=tuple(sorted(processes, key=lambda each: each.process))),
            silent=silent,
            left_out=tuple(each for each in self._balancers if each not in counted),
        )


@dataclass
class _Balancer:
    failing_since: float | None
    heard_at: float | None = None
    processes: tuple[ProcessLoad, ...] = ()
    loads: Mapping[Name, Mapping[str, ServiceLoad]] = field(default_factory=dict)
    """By service, then by process."""

    def left_out(self, now: float) -> bool:
        # Not by the age of the report: that also grows while it is this process that stands still.
        return self.failing_since is not None and now - self.failing_since > LEFT_OUT_SECONDS

    def silent(self, now: float) -> bool:
        if self.failing_since is not None or self.heard_at is None:
            return True
        return now - self.heard_at > FRESH_SECONDS

    def restricted(self, name: Name) -> Iterable[ProcessLoad]:
        loads = self.loads.get(name, {})
        for each in self.processes:
            found = loads.get(each.process)
            yield each.model_copy(update={"services": (found,) if found else ()})


def _by_service(report: LoadReport) -> dict[Name, dict[str, ServiceLoad]]:
    found: dict[Name, dict[str, ServiceLoad]] = {}
    for process in report.processes:
        for load in process.services:
            found.setdefault((load.service, load.incarnation), {})[process.process] = load
    return found


def _woken(loads: Mapping[str, ServiceLoad], before: Mapping[str, ServiceLoad]) -> bool:
    for process, load in loads.items():
        earlier = before.get(process)
        if not load.ready_replicas and load.arrived > (earlier.arrived if earlier else 0):
            return True
    return False

"""Compares what a cloud did with what workflows wanted, at every line of its ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from skyflow.clouds.ledger import LedgerEntry


@dataclass(frozen=True)
class Target:
    """So many machines were wanted from a time on."""

    at: float
    machines: int


@dataclass(frozen=True)
class Asked:
    """Something was asked for machines whose names begin so, at a time (Unix, seconds)."""

    at: float
    prefix: str


@dataclass
class Wanted:
    """What workflows wanted, by their histories."""

    targets: list[Target] = field(default_factory=list)
    """In order of time; nothing is wanted before the first."""
    launches: list[Asked] = field(default_factory=list)
    """Machines that were asked for."""
    ends: list[Asked] = field(default_factory=list)
    """Machines that were told to stop."""


def ledger_problems(ledger: Sequence[LedgerEntry], wanted: Wanted) -> list[str]:
    """Return everything that is wrong with a ledger, of services that have all been taken down."""
    return [*_lines_out_of_order(ledger), *_unasked(ledger, wanted), *_too_many(ledger, wanted)]


def _lines_out_of_order(ledger: Sequence[LedgerEntry]) -> Iterator[str]:
    """Find machines that were made twice, ended without having been made, or never ended."""
    seen, existing = set[str](), set[str]()
    for line in ledger:
        if line.event == "create":
            if line.name in seen:
                yield f"{line.name} was made twice"
            seen.add(line.name)
            existing.add(line.name)
        elif line.name in existing:
            existing.remove(line.name)
        else:
            yield f"{line.name} was ended and did not exist"
    yield from (f"{name} was never ended" for name in sorted(existing))


def _unasked(ledger: Sequence[LedgerEntry], wanted: Wanted) -> Iterator[str]:
    for line in ledger:
        if line.event == "create" and not _asked(wanted.launches, line.name, line.at):
            yield f"{line.name} was made before any workflow had asked for it"


def _too_many(ledger: Sequence[LedgerEntry], wanted: Wanted) -> Iterator[str]:
    """Find lines at which a machine was made that is one more than may exist.

    Only making one can exceed the bound: a target that falls cannot be met at the same moment. Nor
    can a launch be taken back that was asked for before: the target that it was asked for counts.
    """
    existing = set[str]()
    for line in ledger:
        if line.event == "delete":
            existing.discard(line.name)
            continue
        existing.add(line.name)
        staying = sorted(n for n in existing if not _asked(wanted.ends, n, line.at))
        since = max(
            (a.at for a in wanted.launches if _is_of(a, line.name, line.at)), default=line.at
        )
        target = _highest_target(wanted.targets, since, line.at)
        if line.name in staying and len(staying) > target:
            yield f"{len(staying)} machines for a target of {target}: {', '.join(staying)}"


def _asked(asked: Sequence[Asked], name: str, at: float) -> bool:
    return any(_is_of(each, name, at) for each in asked)


def _is_of(asked: Asked, name: str, at: float) -> bool:
    return asked.at <= at and name.startswith(asked.prefix)


def _highest_target(targets: Sequence[Target], since: float, until: float) -> int:
    """Return the highest of the targets in force within a time."""
    before = [target.machines for target in targets if target.at <= since][-1:]
    return max([*before, *(t.machines for t in targets if since < t.at <= until)], default=0)

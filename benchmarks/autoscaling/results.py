"""The figures of a run, and which of them nothing else is better than."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Point:
    """What came of a rule with a target, in one case; the means of all seeds."""

    case: str
    """A trace and a cold start."""
    rule: str
    target: float
    unit: str
    is_default: bool
    is_ours: bool
    replica_hours: float
    over: float
    """Share of requests over the objective, those that gave up included."""
    gave_up: float
    """Share of requests that waited too long for a replica."""
    actions: float
    """Times that the number of replicas was changed."""

    def is_better_than(self, other: Point) -> bool:
        """Return whether it is nowhere worse, and somewhere better."""
        own, others = (self.replica_hours, self.over), (other.replica_hours, other.over)
        return own != others and own[0] <= others[0] and own[1] <= others[1]


@dataclass
class Results:
    """Everything about a run."""

    settings: dict[str, object]
    about: dict[str, str] = field(default_factory=dict)
    """What each case is."""
    points: list[Point] = field(default_factory=list)

    def of(self, case: str) -> list[Point]:
        """Return the points of a case."""
        return [point for point in self.points if point.case == case]

    def front(self, case: str) -> list[Point]:
        """Return those that nothing is better than: the Pareto front, cheapest first."""
        points = self.of(case)
        best = [point for point in points if not any(each.is_better_than(point) for each in points)]
        return sorted(best, key=lambda point: point.replica_hours)

    def verdict(self, case: str) -> str:
        """Return whether ours is on the front, in words."""
        front = self.front(case)
        ours = [point for point in front if point.is_ours]
        defaults = [point.rule for point in ours if point.is_default]
        if not ours:
            return "NO: no point of ours is on the front"
        text = f"yes: {len(ours)} of the {len(front)} points on the front are ours"
        return text + (f", by default {', '.join(defaults)}" if defaults else ", no default")

    def holds(self, case: str) -> bool:
        """Return whether ours is on the front."""
        return any(point.is_ours for point in self.front(case))

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(self.json() + "\n")

    def json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(asdict(self), indent=1)

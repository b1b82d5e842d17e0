"""The figures of a run: as measured, and the medians of rounds."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

DIRECT = "direct"
"""The name of measurements without any proxy."""


@dataclass(frozen=True)
class Measurement:
    """One part of one proxy in one round."""

    round: int
    proxy: str
    part: str
    cpu_us: float | None = None
    """CPU time of the proxy per unit of the part, in microseconds; None without a proxy."""
    per_second: float | None = None
    """Units per second."""
    memory_mib: float | None = None
    """Proportional set size at the end, all connections open."""
    p50_us: float | None = None
    """Latency of answers, or delay of events; half of them were faster."""
    p99_us: float | None = None
    errors: int = 0
    load: float = field(default_factory=lambda: round(os.getloadavg()[0], 2))
    """Load of the computer (one minute) at the end; the benchmark alone makes about one."""
    problem: str = ""
    """Why there are no figures."""


@dataclass
class Results:
    """Everything about a run."""

    settings: dict[str, object]
    versions: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)

    @property
    def proxies(self) -> list[str]:
        """Return the names of what was measured, in order, without `direct`."""
        names = dict.fromkeys(each.proxy for each in self.measurements)
        return [name for name in names if name != DIRECT]

    def median(self, proxy: str, part: str, figure: str) -> float | None:
        """Return the median of the rounds, or None if no round has the figure."""
        values = [getattr(each, figure) for each in self._of(proxy, part)]
        found = [value for value in values if value is not None]
        return statistics.median(found) if found else None

    def errors(self, proxy: str) -> int:
        """Return how many requests failed, in all parts and rounds."""
        return sum(each.errors for each in self.measurements if each.proxy == proxy)

    def problems(self) -> list[str]:
        """Return a line for each part that has no figures, once."""
        lines = [f"{m.proxy}, {m.part}: {m.problem}" for m in self.measurements if m.problem]
        return list(dict.fromkeys(lines))

    def added(self, proxy: str, figure: str) -> float | None:
        """Return by how much a proxy's latency exceeds that without one."""
        own = self.median(proxy, "latency", figure)
        direct = self.median(DIRECT, "latency", figure)
        return None if own is None or direct is None else own - direct

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def _of(self, proxy: str, part: str) -> Sequence[Measurement]:
        return [each for each in self.measurements if (each.proxy, each.part) == (proxy, part)]


def computer() -> dict[str, object]:
    """Return what the figures depend on: processor, system, and how busy it is."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": models[0] if models else platform.machine(),
        "system": platform.release(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }

"""The table."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.lb.proxies import REFERENCE
from benchmarks.lb.results import DIRECT, Results

_NOTHING = "-"


@dataclass(frozen=True)
class Column:
    """A figure of a part."""

    title: str
    part: str
    figure: str
    digits: int = 0
    scale: float = 1.0
    compared: bool = False
    """Whether the ratio to the reference is shown beside it."""
    added: bool = False
    """Whether what it is without a proxy is taken off."""

    def value(self, results: Results, proxy: str) -> float | None:
        """Return the figure of a proxy, or None if it has none."""
        if self.added:
            found = None if proxy == DIRECT else results.added(proxy, self.figure)
        else:
            found = results.median(proxy, self.part, self.figure)
        return None if found is None else found * self.scale

    def text(self, results: Results, proxy: str) -> str:
        """Return what stands in the table."""
        value = self.value(results, proxy)
        if value is None:
            return _NOTHING
        text = f"{value:,.{self.digits}f}"
        reference = self.value(results, REFERENCE)
        if self.compared and reference and proxy != DIRECT:
            text += f" ({value / reference:.2f}x)"
        return text


COLUMNS = (
    Column("GET us", "get", "cpu_us", 1, compared=True),
    Column("POST 2 KB us", "post", "cpu_us", 1, compared=True),
    Column("OpenAI client us", "openai", "cpu_us", 1, compared=True),
    Column("event us, 200 streams", "stream-200", "cpu_us", 1, compared=True),
    Column("event us, 1,000 streams", "stream-1000", "cpu_us", 1, compared=True),
    Column("events/s of 20,000", "stream-1000", "per_second"),
    Column("delay p99 ms", "stream-1000", "p99_us", 2, scale=0.001),
    Column("memory MiB, 1,000 streams", "stream-1000", "memory_mib"),
    Column("added p50 us", "latency", "p50_us", added=True),
    Column("added p99 us", "latency", "p99_us", added=True),
    Column("download MiB/s", "download", "per_second", compared=True),
)


def table(results: Results) -> str:
    """Return the medians as a Markdown table, and below it what is missing and why."""
    measured = {each.part for each in results.measurements}
    columns = [column for column in COLUMNS if column.part in measured]
    rows = [["proxy", *(column.title for column in columns), "errors"]]
    for proxy in [DIRECT, *results.proxies]:
        figures = [column.text(results, proxy) for column in columns]
        rows.append([proxy, *figures, f"{results.errors(proxy):,}"])
    notes = [f"- {name}: {version}" for name, version in results.versions.items()]
    notes += [f"- skipped {name}: {reason}" for name, reason in results.skipped.items()]
    notes += [f"- no figures for {problem}" for problem in results.problems()]
    settings = ", ".join(f"{name} {value}" for name, value in results.settings.items())
    return "\n".join([*_aligned(rows), "", f"Medians. {settings}", "", *notes])


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    rows = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]

"""The table."""

from __future__ import annotations

from benchmarks.autoscaling.results import Point, Results

_TITLES = ["", "rule", "target", "replica-hours", "over 2 s", "gave up", "changes"]
_LEFT = 3


def table(results: Results) -> str:
    """Return a Markdown table for each case, and whether ours is on its front."""
    parts = [_case(results, case) for case in results.about]
    settings = ", ".join(f"{name} {value}" for name, value in results.settings.items())
    note = "`*`: on the Pareto front, `d`: by default."
    return "\n\n".join([*parts, f"{note} {settings}", _verdicts(results)])


def _case(results: Results, case: str) -> str:
    front = results.front(case)
    rows = [_TITLES, *(_row(point, point in front) for point in results.of(case))]
    return "\n".join([f"## {case}: {results.about[case]}", "", *_aligned(rows)])


def _row(point: Point, on_front: bool) -> list[str]:
    return [
        ("*" if on_front else "") + ("d" if point.is_default else ""),
        point.rule,
        f"{point.target:.2f} {point.unit}",
        f"{point.replica_hours:.1f}",
        f"{point.over:.2%}",
        f"{point.gave_up:.2%}",
        f"{point.actions:.0f}",
    ]


def _verdicts(results: Results) -> str:
    lines = [f"- {case}: {results.verdict(case)}" for case in results.about]
    return "\n".join(["Ours on the Pareto front?", "", *lines])


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(_TITLES))]
    rules = [
        "-" * width if at < _LEFT else "-" * (width - 1) + ":" for at, width in enumerate(widths)
    ]
    return [_line(row, widths) for row in (rows[0], rules, *rows[1:])]


def _line(row: list[str], widths: list[int]) -> str:
    cells = [
        cell.ljust(width) if at < _LEFT else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "| " + " | ".join(cells) + " |"

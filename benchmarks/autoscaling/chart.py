"""The picture: a panel for each case, a line for each rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.autoscaling.results import Point, Results

_ACROSS = 2
_FLOOR = 1e-5
"""Shares below it, zero among them, are drawn on the lower edge."""
_OFTEN = 1e-3
"""If no share is below it, the axis need not reach down to zero."""
_SHARES = {_FLOOR: "none", 1e-4: "0.01 %", 1e-3: "0.1 %", 1e-2: "1 %", 0.1: "10 %", 1: "100 %"}
_COLOURS = {
    "skyflow ongoing": "#1b6ac9",
    "skyflow first byte": "#12a5a0",
    "skyflow qps": "#7a5bd0",
    "SkyServe": "#d9822b",
    "Knative": "#c0392b",
    "Ray Serve": "#6b7785",
    "HPA": "#8a6d3b",
}
_OTHER = "#a9b4c0"


def draw(results: Results, path: Path) -> None:
    """Draw replica-hours against the share over the objective."""
    # Loaded here: all else runs without it.
    from matplotlib.figure import Figure

    cases = list(results.about)
    across = min(_ACROSS, len(cases))
    down = -(-len(cases) // across)
    figure: Any = Figure(figsize=(7 * across, 4.2 * down + 1.1), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).flatten()
    for panel, case in zip(panels, cases, strict=False):
        _panel(panel, case, results)
    for panel in panels[len(cases) :]:
        panel.set_axis_off()
    figure.suptitle(
        "Requests without a first byte after 2 s, and what avoiding them costs: left, low is best\n"
        "A line is a rule with several targets, its large point the default; ringed: on the front",
        fontsize=11,
    )
    figure.savefig(path, dpi=110)


def _panel(panel: Any, case: str, results: Results) -> None:
    points = results.of(case)
    for rule in dict.fromkeys(point.rule for point in points):
        _line(panel, [point for point in points if point.rule == rule])
    front = results.front(case)
    panel.scatter(
        [point.replica_hours for point in front],
        [_height(point) for point in front],
        s=44,
        facecolors="none",
        edgecolors="#1d232b",
        linewidths=1.1,
        zorder=4,
    )
    panel.legend(loc="best", fontsize=7.5, framealpha=0.85, edgecolor="none")
    panel.set_yscale("log")
    panel.set_xscale("log")
    low, high = (
        min(each.replica_hours for each in points),
        max(each.replica_hours for each in points),
    )
    panel.set_xticks(_ticks(low, high), [str(tick) for tick in _ticks(low, high)])
    panel.xaxis.set_minor_locator(_no_ticks())
    panel.set_yticks(list(_SHARES), list(_SHARES.values()))
    least = min(_height(point) for point in points)
    panel.set_ylim(least / 2 if least > _OFTEN else _FLOOR * 0.7, 1.3)
    panel.yaxis.set_minor_locator(_no_ticks())
    panel.set_title(case, fontsize=11, loc="left")
    panel.set_xlabel("replica-hours")
    panel.set_ylabel("requests over 2 s")
    panel.grid(color="#e6eaee", linewidth=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def _line(panel: Any, points: list[Point]) -> None:
    colour = _COLOURS.get(points[0].rule, _OTHER)
    hours, heights = [each.replica_hours for each in points], [_height(each) for each in points]
    width = 2.2 if points[0].is_ours else 1.3
    panel.plot(
        hours, heights, "-o", color=colour, linewidth=width, markersize=3.5, label=points[0].rule
    )
    for point in points:
        if point.is_default:
            panel.plot(point.replica_hours, _height(point), "o", color=colour, markersize=10)


def _height(point: Point) -> float:
    return max(_FLOOR, point.over)


def _ticks(low: float, high: float) -> list[int]:
    ticks = [tens * part for tens in (1, 10, 100, 1000) for part in (1, 1.5, 2, 3, 4, 5, 7)]
    return [int(tick) for tick in ticks if 0.9 * low <= tick <= 1.1 * high and tick == int(tick)]


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()

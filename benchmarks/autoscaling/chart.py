"""The picture: a panel for each case, a line for each rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.autoscaling.results import Point, Results

_ACROSS = 2
_FLOOR = 1e-5
"""Shares below it, zero among them, are drawn on the lower edge."""
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
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=10)
    figure.suptitle(
        "Requests without a first byte after 2 s, and what avoiding them costs\\n"
        "Left and low is better. Each line: one rule, other targets; large: its default; "
        "dark edge: nothing is better"
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
    panel.set_yscale("log")
    panel.set_ylim(_FLOOR * 0.7, 1.3)
    panel.set_yticks(
        [_FLOOR, 1e-4, 1e-3, 1e-2, 0.1, 1], ["none", "0.01 %", "0.1 %", "1 %", "10 %", "100 %"]
    )
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


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()

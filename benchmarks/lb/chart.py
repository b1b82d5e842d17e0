"""The picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.lb.results import Results
from benchmarks.lb.table import COLUMNS, Column

_ACROSS = 2
_OURS, _OTHERS = "#1b6ac9", "#a9b4c0"


def draw(results: Results, path: Path) -> None:
    """Draw a panel of bars for each column of the table that has figures."""
    # Loaded here: all else runs without it.
    from matplotlib.figure import Figure

    measured = {each.part for each in results.measurements}
    columns = [column for column in COLUMNS if column.part in measured]
    down = -(-len(columns) // _ACROSS)
    height = 0.8 + 0.24 * len(results.proxies)
    figure: Any = Figure(figsize=(12, height * down + 0.6), layout="constrained")
    panels = figure.subplots(down, _ACROSS, squeeze=False).flatten()
    for panel, column in zip(panels, columns, strict=False):
        _bars(panel, column, results)
    for panel in panels[len(columns) :]:
        panel.set_axis_off()
    figure.suptitle("What a proxy costs: medians, CPU time per request or event, others as named")
    figure.savefig(path, dpi=110)


def _bars(panel: Any, column: Column, results: Results) -> None:
    names = [name for name in results.proxies if column.value(results, name) is not None]
    values = [column.value(results, name) or 0.0 for name in names]
    colours = [_OURS if name.startswith("skyflow") else _OTHERS for name in names]
    bars = panel.barh(names, values, color=colours)
    panel.bar_label(bars, [column.text(results, name) for name in names], padding=3, fontsize=8)
    panel.set_title(column.title, fontsize=10, loc="left")
    panel.invert_yaxis()
    panel.spines[["top", "right", "bottom"]].set_visible(False)
    panel.xaxis.set_visible(False)
    panel.margins(x=0.25)
    positive = [value for value in values if value > 0]
    # One that costs a hundred times as much would leave nothing of the others to see.
    if positive and max(positive) > 20 * min(positive):
        panel.set_xscale("log")
        panel.set_title(f"{column.title} (log scale)", fontsize=10, loc="left")

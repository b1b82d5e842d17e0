"""The one look of all tables, and the colours of phases."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from skyflow.state import ReplicaPhase, ServicePhase

_GOOD = "green"
_BAD = "bold red"
_UNDER_WAY = "cyan"
_WORRYING = "yellow"

_STYLES = {
    "READY": _GOOD,
    "NOT_READY": _WORRYING,
    "NO_REPLICA": _WORRYING,
    "PREEMPTED": _WORRYING,
    "DRAINING": _WORRYING,
    "SHUTTING_DOWN": _WORRYING,
    "TERMINATED": "dim",
    "DOWN": "dim",
}


def table(*columns: str) -> Table:
    """Return an empty table with these columns."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def add_row(to: Table, cells: Sequence[object]) -> None:
    """Add a row; what is None shows as `-`. Text is shown as it is, never read as markup."""
    to.add_row(*(cell if isinstance(cell, Text) else Text(_shown(cell)) for cell in cells))


def phase(of: ReplicaPhase | ServicePhase) -> Text:
    """Return a phase in the colour of what it means."""
    fallback = _BAD if of.value.startswith("FAILED") else _UNDER_WAY
    return Text(of.value, style=_STYLES.get(of.value, fallback))


def _shown(cell: object) -> str:
    return "-" if cell is None else str(cell)

"""The stack as a table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.tables import add_row, table
from cli.render.text import duration, size
from skyflow.stack_state import ProcessState, StackPhase
from skyflow.stack_status import ProcessStatus, StackStatus

_ADVICE = {
    StackPhase.STOPPED: "The stack does not run; `skyflow stack up` starts it.",
    StackPhase.LOST: "The stack lost its supervisor; `skyflow stack up` starts another one.",
    StackPhase.STOPPING: "The stack is being stopped.",
}

_COLOURS = {ProcessState.READY: "green", ProcessState.WAITING: "bold red"}


def stack(status: StackStatus) -> RenderableType:
    """Return the stack's addresses and processes."""
    parts: list[RenderableType] = []
    if advice := _ADVICE.get(status.phase):
        parts.append(Text(advice))
    if status.problem:
        parts.append(Text.assemble(("Trouble: ", "bold red"), status.problem))
    for label, value in _addresses(status):
        parts.append(Text.assemble((f"{label:<14}", "bold"), value))
    if status.processes:
        made = table("PROCESS", "STATE", "PID", "UPTIME", "MEMORY", "RESTARTS", "ADDRESS")
        for process in status.processes:
            add_row(made, _row(process))
        parts += [Text(), made]
    return Group(*parts)


def _addresses(status: StackStatus) -> list[tuple[str, str]]:
    temporal = status.temporal_address
    if temporal and status.external:
        temporal += " (external)"
    found = (
        ("Endpoints on", status.bind),
        ("Temporal", temporal),
        ("Web UI", status.ui_url),
        ("Balancer", status.admin_url),
    )
    return [(label, value) for label, value in found if value]


def _row(process: ProcessStatus) -> tuple[object, ...]:
    return (
        process.name,
        Text(process.state.value, style=_COLOURS.get(process.state, "")),
        process.pid,
        None if process.uptime_seconds is None else duration(process.uptime_seconds),
        None if process.resident_bytes is None else size(process.resident_bytes),
        process.restarts,
        process.address or None,
    )

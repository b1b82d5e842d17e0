"""A service on its way up or down: a table that changes, or a line for each change."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.tables import add_row, phase, table
from cli.render.text import duration
from skyflow.sdk.views import ServiceView
from skyflow.state import ReplicaRecord

FORGOTTEN_AFTER_SECONDS = 60.0
"""Time for which a replica that ended stays in the table, in seconds."""


def progress(view: ServiceView, now: float) -> RenderableType:
    """Return where each replica is, for a terminal where it is drawn again and again."""
    head = Text.assemble(
        f"Service {view.status.service}: ",
        phase(view.status.phase),
        f", {view.ready} of {view.status.target} ready",
    )
    if view.status.reason:
        head.append(f" ({view.status.reason})")
    if view.endpoint and view.ready:
        head.append(f"\nThe endpoint answers already: {view.endpoint}")
    made = table("REPLICA", "INFRA", "STATUS", "SINCE", "DETAIL")
    for record in view.status.replicas:
        if record.phase.ended and now - record.phase_since > FORGOTTEN_AFTER_SECONDS:
            continue
        since = duration(now - record.phase_since)
        add_row(made, (record.replica_id, record.place, phase(record.phase), since, record.reason))
    return Group(head, made)


def changes(before: ServiceView | None, after: ServiceView) -> list[str]:
    """Return a line for each thing that changed, for where nothing can be drawn again."""
    known = {r.replica_id: r for r in before.status.replicas} if before else {}
    lines = [
        _line(record)
        for record in after.status.replicas
        if _differs(known.get(record.replica_id), record)
    ]
    if before is None or before.status.phase is not after.status.phase:
        reason = f" ({after.status.reason})" if after.status.reason else ""
        lines.append(f"service {after.status.service}: {after.status.phase.value}{reason}")
    return lines


def _differs(before: ReplicaRecord | None, after: ReplicaRecord) -> bool:
    if before is None:
        return not after.phase.ended
    return (before.phase, before.place, before.reason) != (after.phase, after.place, after.reason)


def _line(record: ReplicaRecord) -> str:
    place = f" on {record.place}" if record.place else ""
    reason = f" ({record.reason})" if record.reason else ""
    return f"replica {record.replica_id}: {record.phase.value}{place}{reason}"

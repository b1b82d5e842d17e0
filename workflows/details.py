"""What the Temporal web UI shows of a workflow, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from skyflow.state import Decision, ServiceStatus

DECISIONS_SHOWN = 10


def service_details(status: ServiceStatus, decisions: Sequence[Decision]) -> str:
    """Return a service's replicas and last decisions as Markdown."""
    lines = [
        f"**{status.phase.value}** — version {status.version}, target {status.target}, "
        f"port {status.port or '-'}",
        status.reason,
        "",
        "| replica | version | phase | place | endpoint | reason |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.replica_id} | {r.version} | {r.phase.value} | {r.place or '-'} "
        f"| {r.endpoint or '-'} | {_cell(r.reason)} |"
        for r in status.replicas
    ]
    lines += ["", "Last decisions:", ""]
    for decision in decisions[-DECISIONS_SHOWN:]:
        who = f"replica {decision.replica_id}: " if decision.replica_id is not None else ""
        lines.append(f"- {decision.kind}: {who}{decision.reason}")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

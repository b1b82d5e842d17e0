"""What came of an `up`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from cli.render.tables import phase
from cli.render.text import quantity
from skyflow.sdk.log_lines import LogLine
from skyflow.sdk.views import ServiceView
from skyflow.state import ReplicaRecord, ServicePhase


def outcome(view: ServiceView | None) -> str:
    """Return in one word how a deployment stands: `--json` calls it `outcome`."""
    if view is None or view.status.phase in (ServicePhase.SHUTTING_DOWN, ServicePhase.DOWN):
        return "gone"
    if view.status.phase is ServicePhase.FAILED:
        return "failed"
    if view.ready >= view.status.target:
        return "ready"
    return "degraded" if view.status.phase is ServicePhase.READY else "deploying"


def result(view: ServiceView, page: str | None) -> Text:
    """Return how to reach and to look after a service."""
    name = view.status.service
    text = Text.assemble(
        f"Service {name} is ",
        phase(view.status.phase),
        f": {view.ready} of {quantity(view.status.target, 'replica')} ready.",
    )
    if view.ready < view.status.target and view.status.reason:
        text.append(f"\n{view.status.reason}", style="yellow")
    lines = [
        ("Endpoint", view.endpoint or "not yet known"),
        ("Try it", f"curl {view.endpoint}" if view.endpoint else None),
        ("Web UI", page),
        ("Status", f"skyflow serve status {name}"),
        ("Logs", f"skyflow serve logs {name}"),
        ("Take down", f"skyflow serve down {name}"),
    ]
    for label, value in lines:
        if value:
            text.append(f"\n  {label:<10}", style="bold")
            text.append(value)
    return text


def failure(view: ServiceView, replica: ReplicaRecord | None, last: Sequence[LogLine]) -> Text:
    """Return why a service failed, with the end of the failed replica's log."""
    name = view.status.service
    text = Text("Error: ", style="bold red")
    text.append(f"service {name} failed", style="default not bold")
    text.append(f": {view.status.reason or 'no reason was given'}", style="default not bold")
    if replica is not None and last:
        text.append(f"\n\nThe last lines of replica {replica.replica_id}:", style="bold")
        for line in last:
            text.append(f"\n  {line.stream:<5} | {line.text}")
        text.append("\n")
    text.append(f"\nAll logs: skyflow serve logs {name} --no-follow")
    text.append(f"\nTo do: correct it, run `skyflow serve down {name}`, then `serve up` again")
    return text


def going_on(name: str) -> str:
    """Return what to tell somebody who no longer waits."""
    return (
        f"Service {name!r} goes on being deployed.\n"
        f"  How far it is:  skyflow serve status {name}\n"
        f"  What it writes: skyflow serve logs {name}\n"
        f"  To undo it:     skyflow serve down {name}"
    )


def interrupted(name: str) -> str:
    """Return what to tell somebody who stopped before it was known whether a request arrived."""
    return (
        f"Interrupted while service {name!r} was being handed over.\n"
        f"  Whether it was: skyflow serve status {name}"
    )

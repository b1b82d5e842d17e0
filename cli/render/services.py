"""Services and their replicas as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.render.scaling import scaling_policy
from cli.render.tables import add_row, phase, table
from cli.render.text import duration, quantity, resources
from skyflow.sdk.plan import describe_request
from skyflow.sdk.views import ServiceView
from skyflow.state import Decision, ReplicaRecord

REPLICAS_SHOWN = 10
"""Rows of the replicas' table without `-v`."""

NO_SERVICES = "No existing services."

_SERVICE_COLUMNS = ("NAME", "VERSION", "UPTIME", "STATUS", "REPLICAS", "ENDPOINT")
_POLICY_COLUMNS = ("AUTOSCALING_POLICY", "LOAD_BALANCING_POLICY", "REQUESTED_RESOURCES")
_REPLICA_COLUMNS = (
    "SERVICE_NAME",
    "ID",
    "VERSION",
    "ENDPOINT",
    "LAUNCHED",
    "INFRA",
    "RESOURCES",
    "STATUS",
)


def services(views: Sequence[ServiceView], now: float, *, verbose: bool = False) -> RenderableType:
    """Return the tables of services and of their replicas.

    Args:
        views: The services.
        now: Time (Unix, seconds).
        verbose: Add policies and resources, and show every replica.

    """
    if not views:
        return Text(NO_SERVICES)
    parts: list[RenderableType] = [Text("Services", style="bold underline")]
    parts.append(_service_table(views, now, verbose=verbose))
    parts += [Text(note) for note in _notes(views, now)]
    parts += [Text(), Text("Service Replicas", style="bold underline")]
    parts.append(replicas(views, now, most=None if verbose else REPLICAS_SHOWN))
    hidden = sum(len(view.status.replicas) for view in views) - REPLICAS_SHOWN
    if hidden > 0 and not verbose:
        parts.append(Text(f"... and {quantity(hidden, 'replica')} more; -v shows all."))
    return Group(*parts)


def replicas(views: Sequence[ServiceView], now: float, most: int | None = None) -> RenderableType:
    """Return the table of the replicas of services, or a sentence if there are none.

    Args:
        views: The services.
        now: Time (Unix, seconds).
        most: Number of rows at most; all if None.

    """
    rows = [(view.status.service, record) for view in views for record in view.status.replicas]
    if not rows:
        return Text("No existing replicas.")
    made = table(*_REPLICA_COLUMNS)
    for service, record in rows[:most]:
        add_row(made, _replica_row(service, record, now))
    return made


def decisions(made: Sequence[Decision]) -> RenderableType:
    """Return the table of decisions, oldest first."""
    if not made:
        return Text("No decisions yet.")
    shown = table("TIME", "DECISION", "REPLICA", "REASON")
    for decision in made:
        add_row(shown, (clock(decision.at), decision.kind, decision.replica_id, decision.reason))
    return shown


def _service_table(views: Sequence[ServiceView], now: float, *, verbose: bool) -> Table:
    made = table(*_SERVICE_COLUMNS, *(_POLICY_COLUMNS if verbose else ()))
    for view in views:
        status = view.status
        cells: list[object] = [
            status.service,
            status.version,
            duration(now - status.started_at),
            phase(status.phase),
            f"{view.ready}/{view.existing}",
            view.endpoint,
        ]
        if verbose:
            cells += [scaling_policy(status), status.load_balancing_policy, _requested(view)]
        add_row(made, cells)
    return made


def _requested(view: ServiceView) -> str:
    return " or ".join(dict.fromkeys(describe_request(each) for each in view.status.resources))


def _notes(views: Sequence[ServiceView], now: float) -> list[str]:
    notes = [f"{v.status.service}: {v.status.reason}" for v in views if v.status.reason]
    notes += [
        f"{v.status.service}: no worker answers; this is what was known "
        f"{duration(now - v.status.updated_at)} ago. `skyflow stack up` starts the worker."
        for v in views
        if v.stale
    ]
    notes += [
        f"{v.status.service}: its controller is of another version of skyflow than this command."
        for v in views
        if not v.compatible
    ]
    return notes


def _replica_row(service: str, record: ReplicaRecord, now: float) -> tuple[object, ...]:
    offer = record.offer
    status = phase(record.phase)
    if record.reason:
        status.append(f" ({record.reason})", style="default")
    return (
        service,
        record.replica_id,
        record.version,
        record.endpoint,
        f"{duration(now - record.created_at)} ago",
        str(offer.place) if offer else None,
        resources(offer) if offer else None,
        status,
    )


def clock(at: float) -> str:
    """Return a time (Unix, seconds) as a date and time of this computer's zone."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")

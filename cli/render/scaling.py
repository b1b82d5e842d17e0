"""How the number of a service's replicas is decided, as text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.tables import add_row, table
from cli.render.text import duration, number, quantity
from skyflow.autoscaling.decision import Reading
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds
from skyflow.sdk.load import LoadView
from skyflow.state import ServiceStatus


def scaling_policy(status: ServiceStatus) -> str:
    """Return what the number of replicas follows, in a few words."""
    settings, bounds = status.autoscaling, status.bounds
    if settings is None or bounds is None:
        return f"Fixed {quantity(status.target, 'replica')}"
    if status.held:
        return f"Held at {quantity(status.target, 'replica')}"
    return replica_range(settings, bounds)


def replica_range(settings: AutoscalingSettings, bounds: Bounds) -> str:
    """Return bounds of the number of replicas, and what it follows between them."""
    follows = ", ".join(_targets(settings)) or "schedule"
    more = f" + {settings.overprovision}" if settings.overprovision else ""
    return f"{bounds.least} to {bounds.most}{more} replicas by {follows}"


def load(view: LoadView | None, status: ServiceStatus, now: float) -> RenderableType:
    """Return what is asked of a service now, and what keeps its replicas as many as they are."""
    if status.held:
        return Text(
            f"Held at {quantity(status.target, 'replica')} by hand; "
            f"`skyflow serve scale {status.service} auto` has it follow the load."
        )
    if view is None:
        return Text("Nothing is known of the load yet.")
    why = view.explanation
    shown = table("SIGNAL", "NOW", "OVER", "TARGET", "ASKS FOR")
    for reading in why.readings:
        add_row(shown, _row(reading))
    said = [
        f"Target {why.target} by rule: {why.rule.value}",
        f"bounds {why.bounds.least} to {why.bounds.most}",
        *([f"over-provision {why.overprovision}"] if why.overprovision else []),
        *([why.held] if why.held else []),
    ]
    age = duration(now - view.at)
    return Group(shown, Text(f"{'; '.join(said)} (seen {age} ago)"))


def _row(reading: Reading) -> tuple[object, ...]:
    return (
        reading.signal,
        None if reading.value is None else f"{reading.value:.4g}",
        f"{number(round(reading.window_seconds, 1))} s" if reading.window_seconds else None,
        number(reading.target),
        quantity(reading.replicas, "replica"),
    )


def _targets(settings: AutoscalingSettings) -> list[str]:
    named = (
        ("requests per second", settings.qps),
        ("ongoing requests", settings.ongoing),
        ("queue length", settings.queue_length),
        ("p95 latency in seconds", settings.latency_p95_seconds),
        ("p95 time to first byte in seconds", settings.first_byte_p95_seconds),
    )
    targets = [f"{name} {number(value)}" for name, value in named if value is not None]
    if settings.qps_by_accelerator:
        targets.insert(0, "requests per second by accelerator")
    return targets

"""The plan of an `up`: what would run where, and what it costs."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.scaling import replica_range
from cli.render.tables import add_row, table
from cli.render.text import number, price, quantity, size
from skyflow.placement.offers import Offer
from skyflow.sdk.plan import Plan
from skyflow.state import ServiceSettings

OFFERS_SHOWN = 8


def plan(of: Plan) -> RenderableType:
    """Return the plan as tables; the offer on top is tried first, the next ones after a refusal."""
    parts: list[RenderableType] = [_headline(of), Text(), _offers(of)]
    hidden = len(of.offers) - OFFERS_SHOWN
    if hidden > 0:
        parts.append(Text(f"... and {quantity(hidden, 'offer')} more."))
    parts += [Text(f"Note: {problem}", style="yellow") for problem in of.problems]
    return Group(*parts, Text())


def _headline(of: Plan) -> Text:
    settings = of.settings
    nodes = f" of {settings.num_nodes} machines each" if settings.num_nodes > 1 else ""
    lines = [
        ("Service", of.name),
        ("Replicas", f"{_count(settings)}{nodes}, each listening on port {settings.port}"),
        ("Price", _price(of)),
        ("Endpoint", f"one URL, balanced by {settings.load_balancing_policy}"),
        ("Copies", _files(of)),
    ]
    text = Text()
    for label, value in lines:
        text.append(f"{label:<10}", style="bold")
        text.append(f"{value}\n")
    text.right_crop(1)
    return text


def _count(settings: ServiceSettings) -> str:
    scaling = settings.autoscaling
    if scaling is None:
        return str(settings.replicas)
    return replica_range(scaling, scaling.bounds)


def _price(of: Plan) -> str:
    scaling = of.settings.autoscaling
    if scaling is None:
        return f"{price(of.hourly_price)} per hour for all replicas"
    each = of.offers[0].hourly_price * of.settings.num_nodes
    bounds, more = scaling.bounds, scaling.overprovision
    least = bounds.least + more if bounds.least else 0
    return f"{price(least * each)} to {price((bounds.most + more) * each)} per hour"


def _files(of: Plan) -> str:
    return ", ".join(f"{target} ({size(packed)})" for target, packed in of.files) or "none"


def _offers(of: Plan) -> RenderableType:
    made = table("TRY", "INFRA", "INSTANCE", "CPUS", "MEMORY", "ACCELERATORS", "$/HOUR EACH")
    for position, offer in enumerate(of.offers[:OFFERS_SHOWN], start=1):
        add_row(made, (position, *_cells(offer)))
    return made


def _cells(offer: Offer) -> tuple[object, ...]:
    accelerators = (
        f"{offer.accelerator}:{number(offer.accelerator_count)}" if offer.accelerator else None
    )
    return (
        str(offer.place),
        offer.place.instance_type,
        number(offer.cpus),
        f"{number(offer.memory_gib)} GiB",
        accelerators,
        price(offer.hourly_price),
    )

"""The plan of an `up`: what would run where, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.scaling import replica_range
from cli.render.tables import add_row, table
from cli.render.text import number, price, quantity, size
from skyflow.placement.offers import Offer
from skyflow.sdk.plan import Plan
from skyflow.state import ServiceSettings

ROWS_SHOWN = 8
_COLUMNS = (
    "CHOSEN",
    "CLOUD",
    "REGION",
    "ZONES",
    "INSTANCE",
    "ACCELERATORS",
    "CPUS",
    "MEMORY",
    "SPOT",
    "$/HOUR EACH",
)


def plan(of: Plan) -> RenderableType:
    """Return the plan as tables; offers come in the order in which they are tried."""
    parts: list[RenderableType] = [_headline(of), Text(), _offers(of)]
    hidden = sum(len(row) for row in _rows(of.offers)[ROWS_SHOWN:])
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
    made = table(*_COLUMNS)
    chosen = Counter(offer.place for offer in of.chosen)
    for row in _rows(of.offers)[:ROWS_SHOWN]:
        replicas = sum(chosen[offer.place] for offer in row)
        mark = Text(f"-> {quantity(replicas, 'replica')}" if replicas else "", style="green")
        add_row(made, (mark, *_cells(row)))
    return made


def _rows(offers: Sequence[Offer]) -> list[list[Offer]]:
    """Put offers together that differ in their zone only."""
    rows: dict[Offer, list[Offer]] = {}
    for offer in offers:
        anywhere = offer.place.model_copy(update={"zone": ""})
        rows.setdefault(offer.model_copy(update={"place": anywhere}), []).append(offer)
    return list(rows.values())


def _cells(row: Sequence[Offer]) -> tuple[object, ...]:
    offer, place = row[0], row[0].place
    accelerators = (
        f"{offer.accelerator}:{number(offer.accelerator_count)}" if offer.accelerator else None
    )
    return (
        place.cloud,
        place.region,
        _zones(place.region, [each.place.zone for each in row]),
        place.instance_type,
        accelerators,
        number(offer.cpus),
        f"{number(offer.memory_gib)} GiB",
        "yes" if place.use_spot else "no",
        price(offer.hourly_price),
    )


def _zones(region: str, zones: Sequence[str]) -> str:
    """Return the zones of one region: `us-east-1a, b, c`."""
    first, *others = sorted(zones)
    return ", ".join([first, *(zone.removeprefix(region).lstrip("-") for zone in others)])

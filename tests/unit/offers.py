"""Offers written as tables, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Iterable

from skyflow.placement.offers import Offer, Place, Refusal

UNTIL = 1060.0


def place(text: str) -> Place:
    """Return the place in `cloud/region/zone type`, with ` spot` at its end for the spot market."""
    where, instance_type, *market = text.split()
    cloud, region, zone = where.split("/")
    return Place(
        cloud=cloud,
        region=region,
        zone=zone,
        instance_type=instance_type,
        use_spot=market == ["spot"],
    )


def offers(table: str) -> list[Offer]:
    """Return the offers of a table with a line `PRICE PLACE` for each."""
    lines = [line.split(maxsplit=1) for line in table.strip().splitlines()]
    return [
        Offer(place=place(where), hourly_price=float(price), cpus=1, memory_gib=1)
        for price, where in lines
    ]


def table(of: Iterable[Offer]) -> str:
    """Return offers as `offers` reads them, in their order."""
    return "\n".join(
        f"{offer.hourly_price:g} {_where(offer.place)}{' spot' if offer.place.use_spot else ''}"
        for offer in of
    )


def refusal(kind: str, at: str, until: float = UNTIL) -> Refusal:
    """Return a refusal of a kind at a place."""
    return Refusal(place=place(at), kind=kind, message="no", until=until)


def _where(at: Place) -> str:
    return f"{at.cloud}/{at.region}/{at.zone} {at.instance_type}"

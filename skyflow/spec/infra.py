"""Where machines may be: a cloud, a region, a zone, or any of them."""

from __future__ import annotations

from dataclasses import dataclass

ANY = "*"

_CLOUD_ALIASES = {"k8s": "kubernetes"}
_CLOUDS_WITHOUT_ZONES = ("kubernetes", "ssh")
"""Their second part is a context or a pool, whose name may hold slashes."""

INFRA_FORMS = "CLOUD, CLOUD/REGION or CLOUD/REGION/ZONE such as aws/us-east-1, with * for any"


@dataclass(frozen=True)
class Location:
    """Where machines may be; `None` for anywhere."""

    cloud: str | None = None
    region: str | None = None
    zone: str | None = None


def parse_infra(text: str) -> Location:
    """Return the place that `resources.infra` names.

    Raises:
        ValueError: It is not of an allowed form.

    """
    first, slash, rest = text.strip().strip("/").partition("/")
    cloud = canonical_cloud(first)
    if cloud in _CLOUDS_WITHOUT_ZONES:
        return Location(cloud, part_or_any(rest) if slash else None)
    parts = [first, *(rest.split("/") if slash else ())]
    if len(parts) > 3 or not all(part.strip() for part in parts):
        raise ValueError(text)
    _, region, zone = (part_or_any(part) for part in [*parts, ANY, ANY][:3])
    return Location(cloud, region, zone)


def canonical_cloud(text: str) -> str | None:
    """Return the name of a cloud as skyflow writes it, or `None` for any."""
    name = text.strip().lower()
    return part_or_any(_CLOUD_ALIASES.get(name, name))


def part_or_any(text: str) -> str | None:
    """Return a region or a zone, or `None` for any."""
    stripped = text.strip()
    return None if stripped in ("", ANY) else stripped

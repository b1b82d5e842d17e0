"""Which machine types share one limit of an account."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

_AWS_STANDARD = frozenset({"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"})
_AWS_FAMILY = re.compile(r"([a-z]+)(\d*)")
_AWS_FIRST_SEPARATE_P = 5
"""Generation of P from which spot limits hold for one generation each."""


def quota_family(cloud: str, instance_type: str, *, use_spot: bool = False) -> str:
    """Return the family of machine types whose use an account's limit counts together.

    At AWS these are the classes of its vCPU limits: Standard (A, C, D, H, I, M, R, T, Z), `G and
    VT`, P and so on, where P5 and later have spot limits of their own
    (https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html). At GCP it is
    the machine series. Of other clouds only the type itself is known.
    """
    family = _FAMILIES.get(cloud)
    return family(instance_type, use_spot) if family else instance_type


def _aws(instance_type: str, use_spot: bool) -> str:
    found = _AWS_FAMILY.match(instance_type)
    if found is None:
        return instance_type
    letters, generation = found[1], int(found[2] or 0)
    if letters in _AWS_STANDARD:
        return "Standard"
    if letters in ("g", "gr", "vt"):
        return "G and VT"
    if letters == "p" and use_spot and generation >= _AWS_FIRST_SEPARATE_P:
        return f"P{generation}"
    return letters.upper()


def _gcp(instance_type: str, use_spot: bool) -> str:
    return instance_type.partition("-")[0]


_FAMILIES: Mapping[str, Callable[[str, bool], str]] = MappingProxyType({"aws": _aws, "gcp": _gcp})

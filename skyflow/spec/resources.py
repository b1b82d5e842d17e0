"""The `resources` section: what each machine of a replica must have."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationInfo, field_validator

from skyflow.spec.alternative import Alternative
from skyflow.spec.faults import Fault, allowed, refused, wrong
from skyflow.spec.infra import Location

MAX_ALTERNATIVES = 100
"""Most entries of `any_of` or `ordered`."""


class Resources(Alternative):
    """Requirements that all alternatives share, and the alternatives."""

    any_of: tuple[Alternative, ...] | None = None
    """Alternatives of equal worth."""
    ordered: tuple[Alternative, ...] | None = None
    """Alternatives in order of preference."""

    @property
    def in_order(self) -> bool:
        """Whether candidates come in order of preference."""
        return self.ordered is not None or isinstance(self.accelerators, tuple)

    def candidates(self) -> tuple[Alternative, ...]:
        """Return each alternative with what it shares with the others."""
        alternatives = self.any_of or self.ordered
        if alternatives is None:
            return (_without_alternatives(self),)
        return tuple(_merge(self, alternative) for alternative in alternatives)

    @field_validator("any_of", "ordered", mode="before")
    @classmethod
    def _read_alternatives(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise allowed("a list of resources")
        if not 1 <= len(value) <= MAX_ALTERNATIVES:
            raise wrong(f"found {len(value)} entries; allowed: 1 to {MAX_ALTERNATIVES}")
        return tuple(value)

    @field_validator("any_of", "ordered")
    @classmethod
    def _check_single_accelerators(
        cls, value: tuple[Alternative, ...] | None
    ) -> tuple[Alternative, ...] | None:
        faults = [
            Fault("names several accelerators; allowed: one in an entry", (at, "accelerators"))
            for at, entry in enumerate(value or ())
            if entry.accelerators is not None and len(entry.accelerators) > 1
        ]
        if faults:
            raise refused(faults)
        return value

    @field_validator("any_of")
    @classmethod
    def _check_any_of(
        cls, value: tuple[Alternative, ...] | None, info: ValidationInfo
    ) -> tuple[Alternative, ...] | None:
        if value is not None and isinstance(info.data.get("accelerators"), tuple):
            raise wrong("is given beside a list of accelerators; allowed: one of the two")
        return value

    @field_validator("ordered")
    @classmethod
    def _check_ordered(
        cls, value: tuple[Alternative, ...] | None, info: ValidationInfo
    ) -> tuple[Alternative, ...] | None:
        if value is None:
            return value
        if info.data.get("any_of") is not None:
            raise wrong("is given beside `any_of`; allowed: one of the two")
        if len(info.data.get("accelerators") or ()) > 1:
            raise wrong("is given beside several accelerators; allowed: one of the two")
        return value


def _without_alternatives(resources: Resources) -> Alternative:
    return Alternative.model_construct(
        **{key: getattr(resources, key) for key in Alternative.model_fields}
    )


def _merge(base: Resources, entry: Alternative) -> Alternative:
    values = {
        key: getattr(base, key) if getattr(entry, key) is None else getattr(entry, key)
        for key in Alternative.model_fields
    }
    own, shared = entry.location, base.location
    if entry.infra is not None:
        location = own
    else:
        location = Location(
            own.cloud if entry.cloud is not None else shared.cloud,
            own.region if entry.region is not None else shared.region,
            own.zone if entry.zone is not None else shared.zone,
        )
    if base.labels and entry.labels:
        values["labels"] = {**base.labels, **entry.labels}
    values |= {"infra": None, "cloud": location.cloud}
    values |= {"region": location.region, "zone": location.zone}
    return Alternative.model_construct(**values)

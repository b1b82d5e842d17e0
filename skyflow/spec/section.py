"""The base of every section of a service YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """Keys and values of one section; immutable.

    Unknown keys are refused, also when a stored spec is read, so that no key is ever ignored.
    Values may hold secrets that were filled in, so neither `repr` nor errors show them.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    refused_keys: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Keys that SkyPilot knows and a service cannot have, and why."""

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = cls.model_fields
        return {key: value for key, value in data.items() if value is not None or key not in known}

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return ()


def section_of(annotation: Any) -> type[Section] | None:
    """Return the section in a type such as `Section | None` or `tuple[Section, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for argument in get_args(annotation):
        found = section_of(argument)
        if found is not None:
            return found
    return None

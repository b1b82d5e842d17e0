"""Marks on keys that load but do nothing: not yet, or never in a service."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from skyflow.spec.document import KeyPath
from skyflow.spec.section import Section


class Mark(Enum):
    """What is special about a key."""

    NOT_YET = "cannot be carried out by this version"
    """It has a meaning that this version cannot carry out."""
    NO_EFFECT = "has no effect on a service"
    """SkyPilot knows it, but it does not concern services."""


NOT_YET = Mark.NOT_YET
NO_EFFECT = Mark.NO_EFFECT


def marked(section: Section, mark: Mark) -> Iterator[KeyPath]:
    """Yield the path of each key with a mark that is given and asks for something."""
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if mark in field.metadata:
            if asks_for_something(value):
                yield (key,)
            continue
        for path in _within(value, mark):
            yield (key, *path)


def asks_for_something(value: Any) -> bool:
    """Return whether a value is more than nothing, no, zero or an empty collection."""
    return isinstance(value, Section) or bool(value)


def _within(value: Any, mark: Mark) -> Iterator[KeyPath]:
    if isinstance(value, Section):
        yield from marked(value, mark)
    elif isinstance(value, tuple):
        for at, item in enumerate(value):
            for path in _within(item, mark):
                yield (at, *path)

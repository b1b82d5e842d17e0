"""Turn what pydantic finds wrong into faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from skyflow.spec.document import KeyPath, path_text
from skyflow.spec.faults import FAULT, Fault, refused, suggestion
from skyflow.spec.marks import NO_EFFECT
from skyflow.spec.section import Section, section_of

SectionType = TypeVar("SectionType", bound=Section)

_ALLOWED = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text; put it in quotes",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "at most {le:.10g}",
    "literal_error": "{expected}",
}
_REQUIRED = {
    "service": "is missing; add `service: {}` for a service with all defaults",
    "run": "is missing; add the command that starts the server",
    "min_replicas": "is missing; add the number of replicas",
    "keyfile": "is missing; TLS needs both `keyfile` and `certfile`",
    "certfile": "is missing; TLS needs both `keyfile` and `certfile`",
}
_HOMES: tuple[KeyPath, ...] = (
    (),
    ("service",),
    ("service", "readiness_probe"),
    ("service", "replica_policy"),
    ("service", "load_balancer"),
    ("service", "update"),
    ("resources",),
)
"""Sections in which a key may belong that stands in the wrong one."""


def validated(section: type[SectionType], value: Any) -> SectionType:
    """Return a section, made within the validator of another one.

    Raises:
        PydanticCustomError: The value is not allowed; it carries every fault.

    """
    try:
        return section.model_validate(value)
    except ValidationError as error:
        raise refused(faults_of(error, section)) from None


def faults_of(error: ValidationError, root: type[Section]) -> Iterator[Fault]:
    """Yield each thing that the models refused.

    Args:
        error: What pydantic raised.
        root: The section that was validated.

    """
    for detail in error.errors(include_url=False, include_input=False):
        yield from _faults(detail, root)


def _faults(detail: ErrorDetails, root: type[Section]) -> Iterator[Fault]:
    path: KeyPath = detail["loc"]
    context: dict[str, Any] = detail.get("ctx", {})
    kind = detail["type"]
    if kind == FAULT:
        for fault in context["faults"]:
            yield replace(fault, path=(*path, *fault.path))
    elif kind == "missing":
        yield Fault(_REQUIRED.get(str(path[-1]), "is missing"), path, of_key=True)
    elif kind == "extra_forbidden":
        yield Fault(_unknown_key(path, root), path, of_key=True)
    else:
        what = _ALLOWED.get(kind, detail["msg"]).format_map(context)
        choices = re.findall("'([^']+)'", what) if kind == "literal_error" else ()
        yield Fault(what, path, shows_found=True, choices=tuple(choices))


def _unknown_key(path: KeyPath, root: type[Section]) -> str:
    section, key = _section_at(path[:-1], root), str(path[-1])
    if key in section.refused_keys:
        return section.refused_keys[key]
    hint = suggestion(key, section.model_fields) or _home(key, root)
    useful = [
        name for name, field in section.model_fields.items() if NO_EFFECT not in field.metadata
    ]
    return f"unknown key{hint}; allowed: {', '.join(useful)}"


def _home(key: str, root: type[Section]) -> str:
    for path in _HOMES:
        if key in _section_at(path, root).model_fields:
            return f"; did you mean `{path_text((*path, key))}`?"
    return ""


def _section_at(path: KeyPath, root: type[Section]) -> type[Section]:
    section = root
    for part in path:
        field = section.model_fields.get(part) if isinstance(part, str) else None
        section = (section_of(field.annotation) if field else None) or section
    return section

"""Say where in the file something is wrong, what was found there, and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from skyflow.errors import Problem
from skyflow.spec.document import KeyPath, Mapping, Node, Scalar, find, key_position, path_text
from skyflow.spec.faults import FAULT, Fault, suggestion
from skyflow.spec.redaction import mask_text
from skyflow.spec.scalars import show
from skyflow.spec.section import Section, section_of
from skyflow.spec.substitution import variables_in
from skyflow.spec.task import Declaration
from skyflow.spec.variables import Variables

_SHORTEST_SECRET = 4
"""Length below which a secret is not looked for in messages: it would be in every word."""

_ALLOWED = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text; put it in quotes",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than_equal": "at most {le:.10g}",
    "literal_error": "{expected}",
}
_REQUIRED = {
    "service": "is missing; add `service: {}` for a service with all defaults",
    "run": "is missing; add the command that starts the server",
    "min_replicas": "is missing; add the number of replicas",
}


class ProblemWriter:
    """Turns faults into problems of one document."""

    def __init__(self, root: Mapping, variables: Variables) -> None:
        self._root = root
        self._missing = variables.missing
        self._secrets = [
            value for value in variables.secrets.values() if len(value) >= _SHORTEST_SECRET
        ]

    def from_faults(self, faults: Iterable[Fault]) -> list[Problem]:
        """Return a problem for each fault, but not for those that a missing variable explains."""
        return [self._problem(fault) for fault in faults if not self._is_explained(fault)]

    def from_validation(self, error: ValidationError) -> list[Problem]:
        """Return a problem for each thing that the models refused."""
        details = error.errors(include_url=False, include_input=False)
        return self.from_faults(fault for detail in details for fault in _faults(detail))

    def _problem(self, fault: Fault) -> Problem:
        path, node, position = find(self._root, fault.path)
        message = fault.message
        if fault.shows_found:
            hint = suggestion(_text(node), fault.choices)
            message = f"found {_describe(node)}{hint}; allowed: {message}"
        if fault.of_key and fault.path:
            path, position = fault.path, key_position(self._root, fault.path)
        is_placed = bool(path) and find(self._root, path[:1])[0] == path[:1]
        return Problem(
            mask_text(message, self._secrets),
            mask_text(path_text(path), self._secrets),
            position.line if is_placed else None,
            position.column if is_placed else None,
        )

    def _is_explained(self, fault: Fault) -> bool:
        path, node, _ = find(self._root, fault.path)
        if path and path[0] in ("envs", "secrets"):
            return False
        texts = [part for part in path if isinstance(part, str)]
        if isinstance(node, Scalar):
            texts.append(node.shown)
        return any(variables_in(text) & self._missing for text in texts)


def _faults(detail: ErrorDetails) -> Iterator[Fault]:
    path: KeyPath = detail["loc"]
    context: dict[str, Any] = detail.get("ctx", {})
    kind = detail["type"]
    if kind == FAULT:
        for fault in context["faults"]:
            yield replace(fault, path=(*path, *fault.path))
    elif kind == "missing":
        yield Fault(_REQUIRED.get(str(path[-1]), "is missing"), path, of_key=True)
    elif kind == "extra_forbidden":
        yield Fault(_unknown_key(path), path, of_key=True)
    else:
        what = _ALLOWED.get(kind, detail["msg"]).format_map(context)
        choices = re.findall("'([^']+)'", what) if kind == "literal_error" else ()
        yield Fault(what, path, shows_found=True, choices=tuple(choices))


def _unknown_key(path: KeyPath) -> str:
    section, key = _section_at(path[:-1]), str(path[-1])
    if key in section.not_supported_yet:
        return f"`{path_text(path)}` is not supported yet; remove it"
    known = section.model_fields
    hint = suggestion(key, known) or _home(key)
    return f"unknown key{hint}; allowed: {', '.join(known)}"


def _home(key: str) -> str:
    for path in ((), ("service",), ("service", "readiness_probe"), ("resources",)):
        section = _section_at(path)
        if key in section.model_fields or key in section.not_supported_yet:
            return f"; did you mean `{path_text((*path, key))}`?"
    return ""


def _section_at(path: KeyPath) -> type[Section]:
    section: type[Section] = Declaration
    for part in path:
        field = section.model_fields.get(part) if isinstance(part, str) else None
        section = (section_of(field.annotation) if field else None) or section
    return section


def _text(node: Node) -> str:
    return node.shown if isinstance(node, Scalar) else ""


def _describe(node: Node) -> str:
    if not isinstance(node, Scalar):
        return "a mapping" if isinstance(node, Mapping) else "a list"
    if node.value is None:
        return "nothing"
    return show(node.shown) if isinstance(node.value, str) else node.shown

"""Say where in the file something is wrong, what was found there, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from skyflow.errors import Problem
from skyflow.spec.declaration import Declaration
from skyflow.spec.details import faults_of
from skyflow.spec.document import (
    KeyPath,
    Mapping,
    Node,
    Position,
    Scalar,
    find,
    key_position,
    path_text,
)
from skyflow.spec.faults import Fault, suggestion
from skyflow.spec.redaction import mask_text
from skyflow.spec.scalars import show
from skyflow.spec.substitution import variables_in
from skyflow.spec.variables import Variables

_SHORTEST_SECRET = 4
"""Length below which a secret is not looked for in messages: it would be in every word."""


class ProblemWriter:
    """Turns faults into problems of one document."""

    def __init__(self, root: Mapping, variables: Variables) -> None:
        self._root = root
        self._missing = variables.missing
        self._secrets = [value for value in variables.hidden if len(value) >= _SHORTEST_SECRET]

    def from_faults(self, faults: Iterable[Fault]) -> list[Problem]:
        """Return a problem for each fault, but not for those that a missing variable explains."""
        return [self._problem(fault) for fault in faults if not self._is_explained(fault)]

    def from_validation(self, error: ValidationError) -> list[Problem]:
        """Return a problem for each thing that the models refused."""
        return self.from_faults(faults_of(error, Declaration))

    def at(self, path: KeyPath, message: str) -> Problem:
        """Return a problem that points at the key of a path."""
        if find(self._root, path[:1])[0] != path[:1]:
            return self._placed(message, path_text(path), None)
        return self._placed(message, path_text(path), key_position(self._root, path))

    def _problem(self, fault: Fault) -> Problem:
        path, node, position = find(self._root, fault.path)
        message = fault.message
        if fault.shows_found:
            hint = suggestion(_text(node), fault.choices)
            message = f"found {_describe(node)}{hint}; allowed: {message}"
        if fault.of_key and fault.path:
            path, position = fault.path, key_position(self._root, fault.path)
        is_placed = bool(path) and find(self._root, path[:1])[0] == path[:1]
        return self._placed(message, path_text(path), position if is_placed else None)

    def _placed(self, message: str, key: str, position: Position | None) -> Problem:
        shown, key = mask_text(message, self._secrets), mask_text(key, self._secrets)
        if position is None:
            return Problem(shown, key)
        if position.option:
            return Problem(shown, position.option)
        return Problem(shown, key, position.line, position.column)

    def _is_explained(self, fault: Fault) -> bool:
        path, node, _ = find(self._root, fault.path)
        if path and path[0] in ("envs", "secrets"):
            return False
        texts = [part for part in path if isinstance(part, str)]
        if isinstance(node, Scalar):
            texts.append(node.shown)
        return any(variables_in(text) & self._missing for text in texts)


def _text(node: Node) -> str:
    return node.shown if isinstance(node, Scalar) else ""


def _describe(node: Node) -> str:
    if not isinstance(node, Scalar):
        return "a mapping" if isinstance(node, Mapping) else "a list"
    if node.value is None:
        return "nothing"
    return show(node.shown) if isinstance(node.value, str) else node.shown

"""Put the values of variables where a service YAML says `$NAME` or `${NAME}`."""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping

from skyflow.spec.document import Entry, Mapping, Node, Scalar, Sequence
from skyflow.spec.scalars import Substituted

SECTIONS = ("service", "workdir", "file_mounts", "volumes")
"""Sections in which variables are filled in, as in SkyPilot; `setup` and `run` are left to their
shell, which has the same variables."""
IMAGE = "image_id"
"""The one key of `resources` in which variables are filled in."""
MAX_ADDED = 4 * 1024 * 1024
"""Most characters that variables may add to a file: a long one used often would fill the memory."""

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


def fill_in(
    root: Mapping, values: AbstractMapping[str, str], public: AbstractMapping[str, str]
) -> Mapping:
    """Return the tree of a file with variables filled in wherever that is done.

    Args:
        root: The tree.
        values: All variables.
        public: Those that a message may show.

    """
    entries = dict(root.entries)
    for key, entry in root.entries.items():
        if key in SECTIONS:
            entries[key] = Entry(entry.position, substitute(entry.value, values, public))
        elif key == "resources":
            entries[key] = Entry(entry.position, _fill_in_images(entry.value, values, public))
    return Mapping(entries, root.position, root.size, root.depth)


def added_length(root: Mapping, values: AbstractMapping[str, str]) -> int:
    """Return the number of characters that variables would add where they may be filled in."""
    places = (*SECTIONS, "resources")
    return sum(_added(root.entries[key].value, values) for key in places if key in root.entries)


def substitute(
    node: Node, values: AbstractMapping[str, str], public: AbstractMapping[str, str]
) -> Node:
    """Return a tree with variables filled in, in keys and values; unknown ones are left alone.

    Args:
        node: The tree.
        values: All variables.
        public: Those that a message may show.

    """
    if isinstance(node, Scalar):
        return _substitute_scalar(node, values, public)
    if isinstance(node, Sequence):
        items = tuple(substitute(item, values, public) for item in node.items)
        return Sequence(items, node.position, node.size, node.depth)
    entries = {
        substitute_text(key, values): Entry(entry.position, substitute(entry.value, values, public))
        for key, entry in node.entries.items()
    }
    return Mapping(entries, node.position, node.size, node.depth)


def substitute_text(text: str, values: AbstractMapping[str, str]) -> str:
    """Return a text with variables filled in; unknown ones are left alone."""
    return _VARIABLE.sub(lambda match: values.get(match[1] or match[2], match[0]), text)


def variables_in(text: str) -> set[str]:
    """Return the names of the variables that a text refers to."""
    return {match[1] or match[2] for match in _VARIABLE.finditer(text)}


def _added(node: Node, values: AbstractMapping[str, str]) -> int:
    if isinstance(node, Scalar):
        return _added_to_text(node.value, values) if isinstance(node.value, str) else 0
    if isinstance(node, Sequence):
        return sum(_added(item, values) for item in node.items)
    return sum(
        _added_to_text(key, values) + _added(entry.value, values)
        for key, entry in node.entries.items()
    )


def _added_to_text(text: str, values: AbstractMapping[str, str]) -> int:
    names = (match[1] or match[2] for match in _VARIABLE.finditer(text))
    return sum(len(values.get(name, "")) for name in names)


def _fill_in_images(
    node: Node, values: AbstractMapping[str, str], public: AbstractMapping[str, str]
) -> Node:
    if isinstance(node, Scalar):
        return node
    if isinstance(node, Sequence):
        items = tuple(_fill_in_images(item, values, public) for item in node.items)
        return Sequence(items, node.position, node.size, node.depth)
    entries = {
        key: Entry(
            entry.position,
            (substitute if key == IMAGE else _fill_in_images)(entry.value, values, public),
        )
        for key, entry in node.entries.items()
    }
    return Mapping(entries, node.position, node.size, node.depth)


def _substitute_scalar(
    node: Scalar, values: AbstractMapping[str, str], public: AbstractMapping[str, str]
) -> Scalar:
    if not isinstance(node.value, str):
        return node
    value = substitute_text(node.value, values)
    if value == node.value:
        return node
    return Scalar(Substituted(value), node.position, substitute_text(node.value, public))

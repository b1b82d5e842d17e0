"""A YAML document as a tree in which every value knows where it stands in the file."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

ScalarValue: TypeAlias = str | int | float | bool | None
KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; lines and columns count from 1."""

    line: int
    column: int
    option: str = ""
    """The option of the command line that gave the value, if it is not from the file."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value."""

    value: ScalarValue
    position: Position
    shown: str
    """What a message may show of it: as in the file, but with envs filled in; never a secret."""

    depth = 0

    @property
    def size(self) -> int:
        """What it counts for: 1, and 1 more for each KiB of text."""
        return 1 + len(self.shown) // 1024


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    position: Position
    size: int = 1
    """What the values in it count for, each use of an alias counted."""
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping and its value."""

    position: Position
    """Where the key is."""
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and their values, in the order of the file. Keys are text, as written."""

    entries: AbstractMapping[str, Entry]
    position: Position
    size: int = 1
    depth: int = 1


Node: TypeAlias = Scalar | Sequence | Mapping


def plain(node: Node) -> Any:
    """Return a tree as ordinary values: text, numbers, lists and dicts."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(entry.value) for key, entry in node.entries.items()}


def find(node: Node, path: KeyPath) -> tuple[KeyPath, Node, Position]:
    """Follow a key path as far as it exists.

    Returns:
        The part of the path that exists, the value there, and the place to point at: the value
        if it is a single one, otherwise its key.

    """
    position = node.position
    for depth, part in enumerate(path):
        step = _step(node, part)
        if step is None:
            return path[:depth], node, position
        node, key_position = step
        position = node.position if isinstance(node, Scalar) else key_position
    return path, node, position


def key_position(node: Node, path: KeyPath) -> Position:
    """Return where the last key of a path stands, or the deepest key of it that exists."""
    *parents, last = path
    _, parent, position = find(node, tuple(parents))
    step = _step(parent, last)
    return step[1] if step else position


def path_text(path: Iterable[str | int]) -> str:
    """Return a key path as people write it, such as `resources.any_of[1].cpus`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _step(node: Node, part: str | int) -> tuple[Node, Position] | None:
    if isinstance(node, Mapping) and isinstance(part, str) and part in node.entries:
        entry = node.entries[part]
        return entry.value, entry.position
    if isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
        return node.items[part], node.items[part].position
    return None

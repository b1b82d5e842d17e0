"""Compose the text of a YAML file into a tree with positions, refusing what could do harm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from skyflow.errors import Problem, SpecError
from skyflow.spec.document import Entry, Mapping, Node, Position, Scalar, Sequence, path_text
from skyflow.spec.scalars import ScalarRefused, read_scalar

MAX_VALUES = 20_000
"""Most values in a document, each use of an alias counted: what an alias bomb runs into. A long
text counts for one more with each KiB."""
MAX_DEPTH = 50
"""Deepest nesting of a document."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COLLECTION_TAGS = {
    None,
    "!",
    "tag:yaml.org,2002:map",
    "tag:yaml.org,2002:seq",
    "tag:yaml.org,2002:set",
}
_HINTS = {
    "found character that cannot start any token": "indent with spaces, not tabs; quote a value "
    "that starts with one of % @ `",
    "did not find expected alphabetic or numeric character": "quote a value that starts with * "
    "or &",
    "mapping values are not allowed in this context": "check the indentation, and quote a value "
    "that contains `: `",
    "could not find expected ':'": "a key needs a colon and a space after it",
}


def compose(
    text: str,
    source: str,
    expected: str = "a service YAML with at least `service` and `run`",
) -> tuple[Node, list[Problem]]:
    """Return the tree of the one document in a text, and the problems that did not stop it.

    Args:
        text: The text.
        source: Name of the file.
        expected: What should be in it.

    Raises:
        SpecError: It is not YAML, is empty, holds several documents, or is too big or too deep.

    """
    composer = _Composer(source)
    try:
        for event in _events(text):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "malformed"
        hint = _HINTS.get(what)
        composer.refuse(f"not valid YAML: {what}" + (f"; {hint}" if hint else ""), mark)
    except yaml.YAMLError as error:
        composer.refuse(f"not valid YAML: {str(error).splitlines()[0]}", None)
    if composer.root is None or (
        isinstance(composer.root, Scalar) and composer.root.value in (None, "")
    ):
        composer.refuse(f"is empty; allowed: {expected}", None)
    return composer.root, composer.problems


def _events(text: str) -> Iterator[Any]:
    yield from yaml.parse(text, Loader=_LOADER)


@dataclass
class _Open:
    """A list or a mapping that has begun and not ended."""

    position: Position
    anchor: str | None
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    merged: list[Mapping] = field(default_factory=list)
    key: tuple[str, Position] | None = None
    is_merge: bool = False
    is_duplicate: bool = False
    size: int = 1
    depth: int = 1


class _Composer:
    def __init__(self, source: str) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._source = source
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._later: Any = None
        """Where a second document begins."""

    def take(self, event: Any) -> None:
        if self._later is not None and isinstance(event, yaml.NodeEvent):
            self._take_later(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._take_alias(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._later = event.start_mark

    def refuse(self, message: str, mark: Any) -> NoReturn:
        place = _position(mark) if mark else None
        key = path_text(self._path())
        line, column = (place.line, place.column) if place else (None, None)
        raise SpecError(self._source, [Problem(message, key, line, column)])

    def _take_later(self, event: Any) -> None:
        """Pass over what follows a last `---` that nothing comes after."""
        if not isinstance(event, yaml.ScalarEvent) or event.value or not event.implicit[0]:
            self.refuse("found a second document; allowed: one document in a file", self._later)

    def _take_scalar(self, event: Any) -> None:
        position = _position(event.start_mark)
        parent = self._open[-1] if self._open else None
        if parent is not None and parent.is_mapping and parent.key is None:
            self._remember(event.anchor, Scalar(event.value, position, event.value))
            self._take_key(parent, event.value, position, plain=event.implicit[0])
            return
        try:
            value = read_scalar(event.value, event.tag, event.implicit)
        except ScalarRefused as error:
            self._note(str(error), position)
            value = event.value
        node = Scalar(value, position, event.value)
        self._remember(event.anchor, node)
        self._add(node, event.start_mark)

    def _take_key(self, parent: _Open, key: str, position: Position, plain: bool) -> None:
        parent.key = (key, position)
        parent.size += len(key) // 1024
        parent.is_merge = plain and key == "<<"
        first = parent.entries.get(key)
        parent.is_duplicate = first is not None and not parent.is_merge
        if first is not None and parent.is_duplicate:
            line = first.position.line
            self._note(f"found twice, first in line {line}; allowed: once", position)

    def _take_alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            self.refuse(
                f"not valid YAML: *{event.anchor} names no anchor; quote a leading *",
                event.start_mark,
            )
        node = self._anchors[event.anchor]
        if node is None:
            self.refuse(f"*{event.anchor} contains itself", event.start_mark)
        parent = self._open[-1]
        if parent.is_mapping and parent.key is None:
            if not isinstance(node, Scalar):
                self.refuse("found a collection as a key; allowed: text", event.start_mark)
            self._take_key(parent, node.shown, _position(event.start_mark), plain=False)
            return
        self._add(node, event.start_mark)

    def _begin(self, event: Any) -> None:
        parent = self._open[-1] if self._open else None
        if parent is not None and parent.is_mapping and parent.key is None:
            self.refuse("found a collection as a key; allowed: text", event.start_mark)
        if len(self._open) >= MAX_DEPTH:
            self.refuse(f"is nested more than {MAX_DEPTH} levels deep", event.start_mark)
        position = _position(event.start_mark)
        if event.tag not in _COLLECTION_TAGS:
            self._note(f"found the tag {event.tag}; allowed: none", position)
        if event.anchor:
            self._anchors[event.anchor] = None
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._open.append(_Open(position, event.anchor, is_mapping))

    def _end(self, event: Any) -> None:
        ended = self._open.pop()
        node: Node
        if ended.is_mapping:
            entries = _merge(ended)
            node = Mapping(entries, ended.position, ended.size, ended.depth)
        else:
            node = Sequence(tuple(ended.items), ended.position, ended.size, ended.depth)
        self._remember(ended.anchor, node)
        self._add(node, event.start_mark)

    def _add(self, node: Node, mark: Any) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)
        if parent.size > MAX_VALUES or sum(opened.size for opened in self._open) > MAX_VALUES:
            self.refuse(f"holds more than {MAX_VALUES} values, aliases expanded", mark)
        if parent.depth + len(self._open) > MAX_DEPTH + 1:
            self.refuse(f"is nested more than {MAX_DEPTH} levels deep", mark)
        if not parent.is_mapping:
            parent.items.append(node)
            return
        self._add_value(parent, node, mark)

    def _add_value(self, parent: _Open, node: Node, mark: Any) -> None:
        assert parent.key is not None  # noqa: S101 - libyaml gives a key before each value
        key, position = parent.key
        if parent.is_merge:
            parent.merged.extend(self._merge_sources(node, mark))
        elif not parent.is_duplicate:
            parent.entries[key] = Entry(position, node)
        parent.key = None

    def _merge_sources(self, node: Node, mark: Any) -> list[Mapping]:
        sources = list(node.items) if isinstance(node, Sequence) else [node]
        mappings = [source for source in sources if isinstance(source, Mapping)]
        if len(mappings) != len(sources):
            self.refuse("found something else under `<<`; allowed: mappings", mark)
        return mappings

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor:
            self._anchors[anchor] = node

    def _note(self, message: str, position: Position) -> None:
        key = path_text(self._path())
        self.problems.append(Problem(message, key, position.line, position.column))

    def _path(self) -> list[str | int]:
        path: list[str | int] = []
        for opened in self._open:
            if opened.key is not None:
                path.append(opened.key[0])
            elif not opened.is_mapping:
                path.append(len(opened.items))
        return path


def _merge(opened: _Open) -> dict[str, Entry]:
    entries = dict(opened.entries)
    for source in opened.merged:
        for key, entry in source.entries.items():
            entries.setdefault(key, entry)
    return entries


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)

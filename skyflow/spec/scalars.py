"""Read single values of YAML: which text is a number, a yes or no, or nothing."""

from __future__ import annotations

import math
from typing import Any

import yaml

from skyflow.spec.document import ScalarValue

MAX_SHOWN = 60
"""Longest value that a message shows, in characters."""

_PREFIX = "tag:yaml.org,2002:"
_TAGS = frozenset(_PREFIX + name for name in ("str", "int", "float", "bool", "null"))
_CONSTRUCTOR: Any = yaml.constructor.SafeConstructor()


class ScalarRefused(ValueError):
    """A value that its tag does not allow, or a tag that a service YAML may not have."""


class Substituted(str):
    """Text that a variable was filled into: the one kind of text that may stand for a number."""

    __slots__ = ()


def read_scalar(text: str, tag: str | None, implicit: tuple[bool, bool]) -> ScalarValue:
    """Return the value of a scalar by the rules of YAML 1.1, dates excepted: they stay text.

    Args:
        text: The scalar without its quotes.
        tag: Its explicit tag, such as `tag:yaml.org,2002:str`.
        implicit: Whether the tag may be left out for a plain scalar, and for a quoted one.

    Raises:
        ScalarRefused: The tag is not one of YAML's own, or the text is not of its kind.

    """
    if tag is None or tag == "!":
        tag = _resolve(text) if implicit[0] and tag is None else _PREFIX + "str"
    if tag not in _TAGS:
        raise ScalarRefused(f"found the tag {tag}; allowed: none")
    return _construct(text, tag)


def read_plain(text: str) -> ScalarValue:
    """Return the value that a text has when it stands in YAML without quotes."""
    try:
        return _construct(text, _resolve(text))
    except ScalarRefused:
        return text


def show(value: str) -> str:
    """Return a value for a message: on one line, and shortened."""
    text = value if len(value) <= MAX_SHOWN else value[: MAX_SHOWN - 3] + "..."
    return repr(text)


def _resolve(text: str) -> str:
    resolvers: Any = yaml.SafeLoader.yaml_implicit_resolvers
    for tag, pattern in resolvers.get(text[:1], ()):
        if tag in _TAGS and pattern.match(text):
            return str(tag)
    return _PREFIX + "str"


def _construct(text: str, tag: str) -> ScalarValue:
    kind = tag.removeprefix(_PREFIX)
    if kind == "str":
        return text
    construct = getattr(_CONSTRUCTOR, f"construct_yaml_{kind}")
    try:
        value: ScalarValue = construct(yaml.ScalarNode(tag, text))
    except (ValueError, KeyError, OverflowError, IndexError):
        raise ScalarRefused(f"found {show(text)}, which is not a value of type {kind}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ScalarRefused(f"found {show(text)}; allowed: a finite number")
    return value

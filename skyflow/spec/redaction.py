"""Show a service YAML without the values of its variables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as AbstractMapping
from typing import Any

import yaml

from skyflow.spec.document import Mapping, Node, Scalar, Sequence
from skyflow.spec.substitution import IMAGE, SECTIONS, substitute_text
from skyflow.spec.variables import Variables

REDACTED = "<redacted>"

_HOLE = "\0"
"""Stands for what is masked meanwhile: a value such as `e` must not be found in `<redacted>`. No
variable can hold it."""
_SHORTEST_ENV = 4
"""Length below which the value of an env is not looked for in text: `1` is everywhere."""
_SOURCES = ("file_mounts", "workdir")
"""Sections with URLs of files."""
_LOGIN = re.compile(r"(?<=://)[^/\s?#]+(?=@)|(?<=\?)\S+")
"""User and password in a URL, or its query."""
_PLAIN_KEY = re.compile(r"[a-z_]+")
"""Keys that belong to the format, whatever the values of variables are."""


def redacted_yaml(root: Mapping, variables: Variables, name: str | None) -> str:
    """Return the YAML with `<redacted>` for each value of an env or a secret.

    That is where they are declared, where they are filled in, and where the text of the file
    repeats one: of secrets any, of envs those of at least four characters. URLs of files are shown
    without what they may let somebody in by: user, password and query.

    Args:
        root: The tree as in the file, nothing filled in.
        variables: The settled variables.
        name: Name of the service.

    """
    mask = _Mask(variables)
    shown: dict[str, Any] = {} if name is None else {"name": name}
    for key, entry in root.entries.items():
        if key not in ("name", "envs", "secrets"):
            value = mask.node(entry.value, filled_in=key in SECTIONS)
            shown[key] = _without_logins(value) if key in _SOURCES else value
    for key, values in (("envs", variables.envs), ("secrets", variables.secrets)):
        if values:
            shown[key] = dict.fromkeys(values, REDACTED)
    text: str = yaml.dump(shown, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def mask_text(text: str, values: Iterable[str]) -> str:
    """Return a text with `<redacted>` for each of the values in it, the longest first."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, _HOLE)
    return text.replace(_HOLE, REDACTED)


class _Mask:
    def __init__(self, variables: Variables) -> None:
        self._placeholders = dict.fromkeys(variables.all, REDACTED)
        envs = (value for value in variables.envs.values() if len(value) >= _SHORTEST_ENV)
        self._values = {value for value in (*envs, *variables.hidden) if value}

    def node(self, node: Node, *, filled_in: bool) -> Any:
        if isinstance(node, Sequence):
            return [self.node(item, filled_in=filled_in) for item in node.items]
        if isinstance(node, Mapping):
            return self._mapping(node, filled_in)
        if isinstance(node.value, str):
            return self._text(node, filled_in)
        return node.value

    def _mapping(self, node: Mapping, filled_in: bool) -> AbstractMapping[str, Any]:
        return {
            self._key(key) if filled_in else key: self.node(
                entry.value, filled_in=filled_in or key == IMAGE
            )
            for key, entry in node.entries.items()
        }

    def _key(self, key: str) -> str:
        return key if _PLAIN_KEY.fullmatch(key) else mask_text(self._filled(key), self._values)

    def _filled(self, key: str) -> str:
        return substitute_text(key, self._placeholders)

    def _text(self, node: Scalar, filled_in: bool) -> str:
        text = str(node.value)
        return mask_text(self._filled(text) if filled_in else text, self._values)


def _without_logins(value: Any) -> Any:
    if isinstance(value, AbstractMapping):
        return {key: _without_logins(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_logins(each) for each in value]
    is_shown = isinstance(value, str) and "://" in value
    return _LOGIN.sub(REDACTED, value) if is_shown else value


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)

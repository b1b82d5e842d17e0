"""Keeps credentials out of what is logged."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

_CREDENTIAL = re.compile(
    rb"key|token|secret|passw|pwd|auth|credential|signature|session|jwt|^sig$|^code$",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(rb"([&;])")
_USER = re.compile(rb"^([A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*@")
"""The beginning of a URL that names a user, and mostly a password."""


@lru_cache(maxsize=256)  # most clients ask for the same again and again
def redact(target: bytes) -> str:
    """Return a request target for a log: values of keys that hold credentials are left out."""
    if b"?" in target or b"@" in target:
        target = _redacted_target(target)
    return target.decode("ascii", "backslashreplace")


def _redacted_target(target: bytes) -> bytes:
    path, mark, query = target.partition(b"?")
    path = _USER.sub(rb"\1//REDACTED@", path)
    parts = _SEPARATOR.split(query)
    parts[::2] = [_redacted(part) for part in parts[::2]]
    return path + mark + b"".join(parts)


def _redacted(pair: bytes) -> bytes:
    key, equals, _ = pair.partition(b"=")
    return key + b"=REDACTED" if equals and _CREDENTIAL.search(unquote_to_bytes(key)) else pair

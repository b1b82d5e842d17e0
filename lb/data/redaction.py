"""Keeps credentials out of what is logged."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_CREDENTIAL = re.compile(
    rb"key|token|secret|passw|pwd|auth|credential|signature|session|jwt|^sig$|^code$",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(rb"([&;])")


def redact(target: bytes) -> str:
    """Return a request target for a log: values of keys that hold credentials are left out."""
    path, mark, query = target.partition(b"?")
    parts = _SEPARATOR.split(query)
    parts[::2] = [_redacted(part) for part in parts[::2]]
    return (path + mark + b"".join(parts)).decode("ascii", "backslashreplace")


def _redacted(pair: bytes) -> bytes:
    key, equals, _ = pair.partition(b"=")
    return key + b"=REDACTED" if equals and _CREDENTIAL.search(unquote_to_bytes(key)) else pair

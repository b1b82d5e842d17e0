"""Read the text of a service YAML."""

from __future__ import annotations

import codecs
from pathlib import Path

from skyflow.errors import Problem, SpecError

MAX_BYTES = 1024 * 1024
"""Largest service YAML, in bytes; real ones are a few KiB."""


def read_source(path: Path) -> str:
    """Return the text of a file.

    Raises:
        SpecError: It does not exist, is no ordinary file, is too big or is not UTF-8.

    """
    source = str(path)
    try:
        _check_kind(path)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _refusal(source, f"cannot be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise _refusal(source, f"is bigger than {MAX_BYTES // 1024} KiB; is it a service YAML?")
    return _decode(source, content)


def _check_kind(path: Path) -> None:
    if path.is_dir():
        raise _refusal(str(path), "is a directory; name the YAML file in it")
    if path.exists() and not path.is_file():
        raise _refusal(str(path), "is not an ordinary file")


def _decode(source: str, content: bytes) -> str:
    for name, marks in (
        ("UTF-32", (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)),
        ("UTF-16", (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)),
    ):
        if content.startswith(marks):
            raise _refusal(source, f"is {name}; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        problem = Problem(
            f"found byte 0x{byte:02x}, which is not UTF-8; save it as UTF-8", "", line
        )
        raise SpecError(source, [problem]) from None


def _refusal(source: str, message: str) -> SpecError:
    return SpecError(source, [Problem(message)])

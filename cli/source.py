"""The text of a service YAML, to show its lines beside what is said about them."""

from __future__ import annotations

from pathlib import Path


def source_text(path: str | Path) -> str:
    """Return the text of a file; nothing if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return ""

"""The identity of this installation: part of the name of every machine it starts."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from skyflow.config import Settings
from skyflow.durable_files import create_file, sync_directory
from skyflow.errors import StorageError, StorageUnavailable
from skyflow.system_errors import reason, remedy

_FORM = re.compile(r"[0-9a-f]{8}")


def known_installation_id(settings: Settings) -> str | None:
    """Return the installation's id if it has one that can be read."""
    try:
        found = _path(settings).read_text().strip()
    except (OSError, ValueError):
        return None
    return found if _FORM.fullmatch(found) else None


def installation_id(settings: Settings) -> str:
    """Return the installation's id, eight hexadecimal digits; made at random on first use.

    Raises:
        StorageError: The file that holds it cannot be read or written, or is damaged.

    """
    path = _path(settings)
    try:
        if not path.exists():
            _create(path)
        found = path.read_text().strip()
    except OSError as error:
        raise StorageUnavailable(
            f"the installation's id in {path} cannot be read or made: {reason(error)}",
            remedy(error, "make it readable, or set SKYFLOW_HOME to another directory"),
        ) from error
    if not _FORM.fullmatch(found):
        raise StorageError(
            f"{path} holds {found[:40]!r}, which is not an installation's id",
            "restore the file; machines of this installation carry the id in their names",
        )
    return found


def _path(settings: Settings) -> Path:
    return settings.keys / "installation"


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if create_file(path, f"{secrets.token_hex(4)}\n".encode()):
        sync_directory(path.parent.parent)

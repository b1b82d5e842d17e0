"""The last endpoint sets on disk, so that the data plane can serve without being told."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
from pathlib import Path

from pydantic import ValidationError

from skyflow.state import EndpointSet

_UNSAFE = re.compile(r"[^a-z0-9._-]")

_log = logging.getLogger(__name__)


class EndpointFiles:
    """A directory with one file per service."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory

    def load(self) -> list[EndpointSet]:
        """Return all sets that can be read; one that cannot is reported in the log."""
        found = []
        for path in sorted(self._directory.glob("*.json")):
            try:
                found.append(EndpointSet.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError) as error:
                _log.error("endpoint set %s cannot be read and is not served: %s", path, error)
        return found

    def save(self, endpoints: EndpointSet) -> None:
        """Replace the set of a service; it is on the disk when this returns.

        Raises:
            OSError: The disk is full or broken; the old set is still there.
        """
        handle, name = tempfile.mkstemp(dir=self._directory, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(endpoints.model_dump_json(indent=1))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path(endpoints.service))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._sync()

    def remove(self, service: str) -> None:
        """Forget a service.

        Raises:
            OSError: The disk is broken.
        """
        self._path(service).unlink(missing_ok=True)
        self._sync()

    def _path(self, service: str) -> Path:
        # The digest keeps names apart that differ only in case or in what is not safe in a name.
        digest = hashlib.sha256(service.encode()).hexdigest()[:16]
        readable = _UNSAFE.sub("_", service.lower())[:64]
        return self._directory / f"{readable}.{digest}.json"

    def _sync(self) -> None:
        handle = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

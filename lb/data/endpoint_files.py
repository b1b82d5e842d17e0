"""The last endpoint sets on disk, so that the data plane can serve without being told."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lb.data.endpoints import Endpoint, EndpointSet
from lb.data.moments import Moment

_UNSAFE = re.compile(r"[^a-z0-9._-]")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Saved:
    """An endpoint set, and since when which of its replicas could not be reached."""

    endpoints: EndpointSet
    doubts: tuple[tuple[Endpoint, Moment], ...] = ()


class EndpointFiles:
    """A directory with one file per service."""

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        """Begin.

        Args:
            directory: Where the files are.
            read_only: Whether another process writes them.
        """
        self._directory = directory
        self._read_only = read_only

    def load(self) -> list[Saved]:
        """Return all that can be read; what cannot is reported in the log."""
        found = []
        for path in sorted(self._directory.glob("*.json")):
            try:
                found.append(_decode(path.read_bytes()))
            except (OSError, ValueError, LookupError, TypeError) as error:
                _log.error("endpoint set %s cannot be read and is not served: %s", path, error)
        return found

    def save(self, saved: Saved) -> None:
        """Replace what is kept of a service; it is on the disk when this returns.

        Raises:
            OSError: The disk is full or broken; what was there before still is.
        """
        if self._read_only:
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(saved.endpoints.service)
        # Always the same name, as there is one writer: what a killed one left is written over.
        temporary = path.with_suffix(".tmp")
        try:
            with temporary.open("wb") as file:
                file.write(_encode(saved))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        self._sync()

    def remove(self, service: str) -> None:
        """Forget a service.

        Raises:
            OSError: The disk is broken.
        """
        if self._read_only:
            return
        try:
            self._path(service).unlink()
        except FileNotFoundError:
            return
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


def _encode(saved: Saved) -> bytes:
    doubts = [asdict(endpoint) | {"since": asdict(since)} for endpoint, since in saved.doubts]
    content = {"endpoints": asdict(saved.endpoints), "doubts": doubts}
    return json.dumps({"sha256": _digest(content), **content}, indent=1).encode()


def _decode(data: bytes) -> Saved:
    content = json.loads(data)
    if not isinstance(content, dict) or content.pop("sha256", None) != _digest(content):
        raise ValueError("its content does not have the digest that was written with it")
    doubts = content["doubts"]
    return Saved(
        EndpointSet.of(content["endpoints"]),
        tuple((Endpoint.of(d), Moment(**d["since"])) for d in doubts),
    )


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

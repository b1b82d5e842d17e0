"""Downloading all logs of a service into a directory."""

from __future__ import annotations

import asyncio
import errno
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from skyflow.config import Settings
from skyflow.errors import SkyflowError, StorageError, UsageError
from skyflow.records import Record
from skyflow.sdk.files import access_log, rotated
from skyflow.sdk.logs import ServiceLogs

_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY)
"""Errors that say that the directory was badly chosen."""
_CHUNK_BYTES = 1024 * 1024


class SavedLog(Record):
    """One file of a download."""

    file: str
    bytes: int


class Download:
    """A directory of logs that appears when it is complete.

    Everything is written beside it under another name first, and removed if something fails.
    """

    def __init__(self, settings: Settings, name: str, incarnation: str, directory: Path) -> None:
        self._settings = settings
        self._name = name
        self._incarnation = incarnation
        self._directory = directory
        self._temporary = directory
        self.saved: list[SavedLog] = []

    def __enter__(self) -> Download:
        """Make the directory in which everything is collected.

        Raises:
            UsageError: The directory exists and is not empty, or cannot be made.

        """
        parent = self._directory.parent
        with _reported(self._directory):
            if self._directory.exists() and any(self._directory.iterdir()):
                raise UsageError(f"{self._directory} is not empty", "name a new directory")
            parent.mkdir(parents=True, exist_ok=True)
            prefix = f".{self._directory.name}-"
            self._temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give the directory its name, or remove it if something failed.

        Raises:
            UsageError: Meanwhile there is something of that name.

        """
        try:
            if kind is None:
                with _reported(self._directory):
                    self._temporary.rename(self._directory)
        finally:
            shutil.rmtree(self._temporary, ignore_errors=True)

    async def replicas(self, replica_id: int | None = None) -> None:
        """Save the logs of all replicas or of one: `setup`, then `run`, in a file for each node.

        Raises:
            UsageError: There is no log of that replica.
            StorageError: The store could not be read, or the files not be written.

        """
        logs = ServiceLogs(self._settings)
        async for (replica, node), pieces in logs.nodes(self._name, self._incarnation, replica_id):
            suffix = f".node-{node}" if node else ""
            await self._save(f"replica-{replica}{suffix}.log", pieces)

    async def requests(self) -> None:
        """Save the balancer's log of requests, if there is one.

        Raises:
            StorageError: The files could not be read or written.

        """
        path = access_log(self._settings, self._name, self._incarnation)
        parts = [part for part in (*rotated(path), path) if part.is_file()]
        if parts:
            await self._save("load_balancer.log", _contents(parts))

    async def decisions(self, lines: Sequence[str]) -> None:
        """Save the decisions of the controller.

        Raises:
            StorageError: The file could not be written.

        """
        await self._save("controller.log", _encoded(lines))

    async def _save(self, file: str, pieces: AsyncIterator[bytes]) -> None:
        with _reported(self._directory), (self._temporary / file).open("xb") as target:
            async for piece in pieces:
                await asyncio.to_thread(target.write, piece)
            target.flush()
            self.saved.append(SavedLog(file=file, bytes=target.tell()))


def default_directory(name: str, now: datetime) -> Path:
    """Return where the logs of a service go unless another place is named."""
    return Path.home() / "skyflow_logs" / "service" / f"{name}_{now:%Y-%m-%d-%H-%M-%S-%f}"


async def _contents(paths: Sequence[Path]) -> AsyncIterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                yield piece


async def _encoded(lines: Sequence[str]) -> AsyncIterator[bytes]:
    for line in lines:
        yield f"{line}\n".encode()


@contextmanager
def _reported(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _fault(directory, error) from error


def _fault(directory: Path, error: OSError) -> SkyflowError:
    above = error.filename and Path(error.filename) in directory.parents
    reason = f"{error.filename}: {error.strerror}" if above else str(error.strerror or error)
    message = f"cannot write the logs to {directory}: {reason}"
    if error.errno in _REFUSALS:
        return UsageError(message, "name another directory with --dir")
    return StorageError(message, "make room on the disk, or name another directory with --dir")

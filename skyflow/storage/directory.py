"""A directory of this computer as the place of the store."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from skyflow.durable_files import sync_tree
from skyflow.errors import StorageError, StorageUnavailable
from skyflow.system_errors import reason, remedy


class Directory:
    """Objects are files, readable by their owner only."""

    def __init__(self, path: Path) -> None:
        """Make the directory if there is none.

        Raises:
            StorageError: It cannot be made or read.

        """
        self._path = path
        with self.reported("open"):
            _make_private(path)
            self._objects = LocalStore(path)

    @contextmanager
    def reported(self, action: str, what: str = "") -> Iterator[None]:
        """Turn whatever goes wrong inside into a `StorageError`."""
        try:
            yield
        except FileNotFoundError:
            raise StorageError(
                f"the store has no {what}",
                "check that SKYFLOW_HOME and SKYFLOW_STORE are those it was written under",
            ) from None
        except (BaseError, OSError, ValueError) as error:
            raise StorageUnavailable(
                f"cannot {action} {what and what + ' in '}the store {self._path}: {reason(error)}",
                remedy(error, f"check that the disk has space and that {self._path} is writable"),
            ) from error

    async def reader(self) -> ObjectStore:
        """Return what objects are read from."""
        return self._objects

    async def writer(self, key: str) -> ObjectStore:
        """Return what an object can be written to, once there is a directory for it."""
        _make_private((self._path / key).parent)
        return self._objects

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is no error."""
        await asyncio.to_thread(_unlink_all, [self._path / key for key in keys])

    async def delete_prefix(self, prefix: str) -> None:
        """Delete a directory and all in it; none is no error."""
        await asyncio.to_thread(_remove_tree, self._path / prefix)

    async def flush(self, prefix: str) -> None:
        """Make sure that what is below a directory survives a loss of power."""
        await asyncio.to_thread(sync_tree, self._path.parent, self._path / prefix)


def _make_private(directory: Path) -> None:
    """Make a directory and its parents, readable by their owner only."""
    if directory.is_dir():
        return
    _make_private(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)


def _unlink_all(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _remove_tree(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        # Gone already, or while being removed by another process: again until nothing is left.
        if os.path.lexists(directory):
            _remove_tree(directory)

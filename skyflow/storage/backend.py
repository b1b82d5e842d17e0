"""What a store needs of the place where its objects are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from obstore.store import ObjectStore


class Backend(Protocol):
    """A place for objects. Its methods raise what the libraries raise, within `reported`."""

    def reported(self, action: str, what: str = "") -> AbstractContextManager[None]:
        """Turn whatever goes wrong inside into a `StorageError`.

        Args:
            action: What is being done, such as `read`.
            what: The object or directory it is done to.

        """
        ...

    async def reader(self) -> ObjectStore:
        """Return what objects are read from.

        Raises:
            FileNotFoundError: Nothing was ever written here.

        """
        ...

    async def writer(self, key: str) -> ObjectStore:
        """Return what an object can be written to; the place is made if there is none yet."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is no error."""
        ...

    async def delete_prefix(self, prefix: str) -> None:
        """Delete every object below a directory; none is no error."""
        ...

    async def flush(self, prefix: str) -> None:
        """Make sure that what is below a directory survives a loss of power."""
        ...

"""What the benchmark needs to know of a proxy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where a proxy runs and what it serves."""

    home: Path
    port: int
    replicas: tuple[int, ...]
    """Ports of 127.0.0.1."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the URLs of the replicas."""
        return tuple(f"http://127.0.0.1:{port}" for port in self.replicas)

    def file(self, name: str, text: str) -> str:
        """Write a file into the home and return its path."""
        path = self.home / name
        path.write_text(text)
        return str(path)


class Proxy(ABC):
    """A proxy that runs as one process, or a few."""

    name: str

    @abstractmethod
    def install(self) -> str:
        """Make sure that it is there, and return its version.

        Raises:
            Unavailable: It cannot be installed here.
        """

    @abstractmethod
    def command(self, place: Place) -> list[str]:
        """Return the command that runs it, after writing what it reads."""

    def environment(self, place: Place) -> dict[str, str]:
        """Return variables to run it with."""
        del place
        return {}

    @contextmanager
    def beside(self, place: Place) -> Iterator[None]:
        """Run what it needs beside it, which is not counted."""
        del place
        yield

    def started(self, place: Place) -> None:
        """Tell it what it does not read from files; it has just been started.

        Raises:
            Unavailable: It does not take it.
        """
        del place

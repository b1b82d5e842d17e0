"""Clients that go while nothing is read from them."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from contextlib import suppress

from lb.http.stream import Stream

_HUP = getattr(select, "EPOLLRDHUP", 0)
"""That the other side has said its last byte, told also while earlier ones were not read. Linux."""


class Departures:
    """Tells at once when the other side of a connection goes. Belongs to one event loop.

    It may, and one descriptor more is open, only while somebody is watched.
    """

    def __init__(self) -> None:
        self._watched: dict[int, Callable[[], None]] = {}
        self._poll: select.epoll | None = None

    def watch(self, descriptor: int, gone: Callable[[], None]) -> None:
        """Call back when the other side has gone; never where the system does not tell."""
        if self._poll is None:
            if not _HUP:
                return
            try:
                self._poll = select.epoll()
            except OSError:
                return
            asyncio.get_running_loop().add_reader(self._poll.fileno(), self._look)
        self._poll.register(descriptor, _HUP)
        self._watched[descriptor] = gone

    def forget(self, descriptor: int) -> None:
        """Watch a connection no more."""
        if self._watched.pop(descriptor, None) is None or self._poll is None:
            return
        with suppress(OSError):
            self._poll.unregister(descriptor)
        if not self._watched:
            asyncio.get_running_loop().remove_reader(self._poll.fileno())
            self._poll.close()
            self._poll = None

    def _look(self) -> None:
        assert self._poll is not None  # noqa: S101 - it is what is read
        for descriptor, _ in self._poll.poll(0):
            if gone := self._watched.get(descriptor):
                self.forget(descriptor)
                gone()
            if self._poll is None:
                return


class HeldStream(Stream):
    """A connection that can be made to wait, and is ended if the other side goes meanwhile.

    What fills the buffers of both systems hides that the other side went: it says so behind it.
    """

    __slots__ = ("_departures", "_held")

    def __init__(self, departures: Departures) -> None:
        super().__init__()
        self._departures = departures
        self._held = -1

    def hold(self) -> None:
        """Take nothing more for now, and end the connection when the other side goes."""
        self.pause()
        if self.paused and self._held < 0:
            self._held = self.descriptor
            self._departures.watch(self._held, self.abort)

    def resume(self) -> None:
        """Take what comes again."""
        self._forget()
        super().resume()

    def abort(self) -> None:
        """End the connection now."""
        # Before its descriptor can be that of another one.
        self._forget()
        super().abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self._forget()
        super().connection_lost(exc)

    def _forget(self) -> None:
        if self._held >= 0:
            self._departures.forget(self._held)
            self._held = -1

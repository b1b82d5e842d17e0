"""All services of the data plane: which set is in force, on which port."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial

from lb.data.access_log import AccessLogs
from lb.data.doubts import TRUST_SECONDS, Doubts
from lb.data.endpoint_checks import InvalidEndpointSet, check_endpoint_set
from lb.data.endpoint_files import EndpointFiles, Saved
from lb.data.endpoints import EndpointSet
from lb.data.exhaustion import Exhausted
from lb.data.listener import Listener, PortUnavailable
from lb.data.moments import Clock, Moment, moment
from lb.data.saving import Saving
from lb.data.service import Service
from lb.data.share import ALL, Share
from lb.data.sockets import Sockets
from lb.data.wakes import Wakes

_REMEMBERED = 10_000
"""Services whose removal is remembered, so that a late message does not bring one back."""

_log = logging.getLogger(__name__)


@dataclass
class Slot:
    """A service and the port that serves it."""

    service: Service
    listener: Listener | None
    """None while the port cannot be listened on."""


class Registry:
    """The services by name; changed by endpoint sets only."""

    def __init__(
        self,
        sockets: Sockets,
        files: EndpointFiles,
        logs: AccessLogs,
        trust_seconds: float = TRUST_SECONDS,
        clock: Clock = moment,
        share: Share = ALL,
    ) -> None:
        """Begin without services.

        Args:
            sockets: Gives the sockets that ports are listened on.
            files: Where sets are kept.
            logs: Where requests are logged.
            trust_seconds: How long an address is used that nobody vouches for.
            clock: Tells the time.
            share: This process's part of limits.
        """
        self.trust_seconds = trust_seconds
        self.wakes = Wakes()
        self._sockets = sockets
        self._files = files
        self._logs = logs
        self._clock = clock
        self._share = share
        self._slots: dict[str, Slot] = {}
        self._removed: dict[str, EndpointSet] = {}
        self._retired: list[tuple[Service, Listener | None]] = []
        self._changing = asyncio.Lock()
        self._saving = Saving(files, self._saved)

    async def load(self, last_alive: Moment) -> None:
        """Serve what is on disk; a port that is taken is tried again by `listen`.

        Args:
            last_alive: When the data plane last lived. If that is too long ago, no replica is used
                before the control plane has confirmed it.
        """
        for saved in self._files.load():
            try:
                service = self._new(saved.endpoints)
            except InvalidEndpointSet as error:
                _log.error("service %s is not served: %s", saved.endpoints.service, error)
                continue
            service.restore(saved.doubts)
            name = saved.endpoints.service
            self._slots[name] = Slot(service, None)
            await self._try_to_listen(name)
        if last_alive.age(self._clock()) > self.trust_seconds:
            self.distrust(last_alive)

    async def listen(self) -> bool:
        """Try to listen on the ports that could not be listened on; return whether all can be."""
        async with self._changing:
            deaf = [name for name, slot in self._slots.items() if slot.listener is None]
            for name in deaf:
                await self._try_to_listen(name)
        return not deaf

    async def apply(self, endpoints: EndpointSet) -> EndpointSet:
        """Go over to a set; the one in force is confirmed by the same, and stays if it is newer.

        A set that cannot be written to disk is in force all the same, and written by `save`.

        Returns:
            The set in force.

        Raises:
            InvalidEndpointSet: The set can never be served. The one in force is the old one.
            PortUnavailable: Its port cannot be listened on. The one in force is the old one.
            Exhausted: The same, for now.
        """
        async with self._changing:
            newest = self._newest(endpoints.service)
            if newest and newest.order >= endpoints.order:
                await self._listen(endpoints.service)
                if newest.order == endpoints.order:
                    self._confirm(endpoints.service)
                return newest
            if endpoints.removed:
                await self._remove(endpoints)
            else:
                await self._replace(endpoints)
        # In force before it is on disk, and so that a slow disk holds up nothing else.
        self._saving.changed(endpoints.service)
        await self._saving.save(endpoints.service)
        return endpoints

    def distrust(self, since: Moment) -> None:
        """Use no replica until it is confirmed: nobody looked after them from a moment on."""
        for slot in self._slots.values():
            slot.service.distrust(since)
        if self._slots:
            seconds = self.trust_seconds
            _log.error("away for more than %g s: replicas wait to be confirmed", seconds)

    async def save(self) -> bool:
        """Write to disk what is not there yet; return whether all is."""
        return await self._saving.save_all()

    def unconfirmed(self) -> list[str]:
        """Return the services that the control plane has not confirmed, sorted."""
        return sorted(n for n, slot in self._slots.items() if not slot.service.confirmed)

    def endpoint_sets(self) -> list[EndpointSet]:
        """Return the sets in force, by name of the service."""
        return [slot.service.endpoints for _, slot in sorted(self._slots.items())]

    def slots(self) -> list[Slot]:
        """Return all services and their ports, by name of the service."""
        return [slot for _, slot in sorted(self._slots.items())]

    async def drain(self, service: str, replica_id: int, seconds: float) -> int:
        """Wait until a replica has nothing in flight, for a number of seconds at most.

        Returns:
            Number of requests still in flight; 0 for a replica that is not known.
        """
        retired = (old for old, _ in reversed(self._retired) if old.endpoints.service == service)
        slot = self._slots.get(service)
        found = slot.service if slot else next(retired, None)
        return await found.drain(replica_id, seconds) if found else 0

    def leave(self) -> None:
        """Stop accepting; each connection ends with the next answer, which says so."""
        for listener in self._listeners():
            listener.leave()

    def close(self) -> None:
        """Stop accepting; connections end with the request that they are at."""
        for listener in self._listeners():
            listener.close()

    def abort(self) -> None:
        """End all connections now."""
        for listener in self._listeners():
            listener.abort()

    async def finished(self) -> None:
        """Wait until all connections have ended."""
        await asyncio.gather(*(listener.finished() for listener in self._listeners()))

    async def _replace(self, endpoints: EndpointSet) -> None:
        slot = self._slots.get(endpoints.service)
        old = slot.service if slot else None
        same = old is not None and old.endpoints.incarnation == endpoints.incarnation
        check_endpoint_set(endpoints)
        service = old if old and same else self._new(endpoints)
        port = slot.service.endpoints.port if slot else None
        kept = slot.listener if slot and port == endpoints.port else None
        listener = kept or await self._open(service, endpoints.port)
        service.update(endpoints)
        listener.service = service
        if slot:
            self._retire(slot, keep_service=same, keep_listener=listener is slot.listener)
        self._slots[endpoints.service] = Slot(service, listener)
        self._removed.pop(endpoints.service, None)
        if slot and slot.listener and slot.listener is not listener and port is not None:
            await self._sockets.close(port)

    async def _remove(self, endpoints: EndpointSet) -> None:
        self._removed[endpoints.service] = endpoints
        if len(self._removed) > _REMEMBERED:
            del self._removed[next(iter(self._removed))]
        slot = self._slots.pop(endpoints.service, None)
        if slot:
            self._retire(slot, keep_service=False, keep_listener=False)
            old = slot.service.endpoints
            if slot.listener:
                await self._sockets.close(old.port)
            await self._logs.release(self._logs.path(old.service, old.incarnation))

    def _retire(self, slot: Slot, *, keep_service: bool, keep_listener: bool) -> None:
        if keep_service and keep_listener:
            return
        if not keep_service:
            slot.service.retire()
        if slot.listener and not keep_listener:
            slot.listener.close()
        self._retired = [
            (service, listener)
            for service, listener in [*self._retired, (slot.service, slot.listener)]
            if service.busy or (listener and listener.closing and listener.connected)
        ]

    def _saved(self, name: str) -> Saved | None:
        slot = self._slots.get(name)
        return Saved(slot.service.endpoints, slot.service.doubts) if slot else None

    def _confirm(self, name: str) -> None:
        if slot := self._slots.get(name):
            slot.service.confirm()

    async def _listen(self, name: str) -> None:
        slot = self._slots.get(name)
        if slot and slot.listener is None:
            slot.listener = await self._open(slot.service, slot.service.endpoints.port)

    async def _try_to_listen(self, name: str) -> None:
        try:
            await self._listen(name)
        except (PortUnavailable, Exhausted) as error:
            _log.error("service %s is not served for now: %s", name, error)

    def _new(self, endpoints: EndpointSet) -> Service:
        changed = partial(self._saving.changed, endpoints.service)
        doubts = Doubts(endpoints.service, changed, self.trust_seconds, self._clock)
        return Service(endpoints, doubts, self.wakes, self._logs.write, self._share)

    async def _open(self, service: Service, port: int) -> Listener:
        listener = Listener(service)
        await listener.open(self._sockets, port)
        return listener

    def _newest(self, name: str) -> EndpointSet | None:
        slot = self._slots.get(name)
        return slot.service.endpoints if slot else self._removed.get(name)

    def _listeners(self) -> list[Listener]:
        found = [slot.listener for slot in self._slots.values()]
        found += [listener for _, listener in self._retired]
        return list({id(listener): listener for listener in found if listener}.values())

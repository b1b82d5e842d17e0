"""All services of the data plane: which set is in force, on which port."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from lb.data.access_log import AccessLine, AccessLogs
from lb.data.endpoint_files import EndpointFiles
from lb.data.listener import Listener, PortUnavailable
from lb.data.service import InvalidEndpointSet, Service, check_endpoint_set
from lb.reports import Services
from skyflow.state import EndpointSet

_FIRST_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 30.0
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

    def __init__(self, host: str, files: EndpointFiles, logs: AccessLogs) -> None:
        self._host = host
        self._files = files
        self._logs = logs
        self._slots: dict[str, Slot] = {}
        self._removed: dict[str, EndpointSet] = {}
        self._retired: list[tuple[Service, Listener | None]] = []
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Serve what is on disk; a port that is taken is tried again by `mend`."""
        for endpoints in await asyncio.to_thread(self._files.load):
            try:
                service = Service(endpoints)
            except InvalidEndpointSet as error:
                _log.error("service %s is not served: %s", endpoints.service, error)
                continue
            self._slots[endpoints.service] = Slot(service, None)
            await self._try_to_listen(endpoints.service)

    async def mend(self) -> None:
        """Keep trying to listen on ports that were taken, until cancelled."""
        delay = _FIRST_RETRY_SECONDS
        while True:
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_RETRY_SECONDS)
            async with self._changing:
                deaf = [name for name, slot in self._slots.items() if slot.listener is None]
                for name in deaf:
                    await self._try_to_listen(name)
            if not deaf:
                delay = _FIRST_RETRY_SECONDS

    async def apply(self, endpoints: EndpointSet) -> EndpointSet:
        """Go over to a set, unless what is in force is newer or the same.

        Returns:
            The set in force.

        Raises:
            InvalidEndpointSet: The set can never be served.
            PortUnavailable: Its port cannot be listened on.
            OSError: It could not be written to disk. In all cases the set in force is the old one.
        """
        async with self._changing:
            newest = self._newest(endpoints.service)
            if newest and newest.order >= endpoints.order:
                await self._listen(endpoints.service)
                return newest
            if endpoints.removed:
                await self._remove(endpoints)
            else:
                await self._replace(endpoints)
            return endpoints

    def endpoint_sets(self) -> list[EndpointSet]:
        """Return the sets in force, by name of the service."""
        return [slot.service.endpoints for _, slot in sorted(self._slots.items())]

    def counters(self) -> Services:
        """Return the counters of all services as they are now."""
        return Services(
            services=tuple(
                slot.service.counters(listening=slot.listener is not None)
                for _, slot in sorted(self._slots.items())
            )
        )

    async def drain(self, service: str, replica_id: int, deadline: float) -> int:
        """Wait until a replica has nothing in flight, or until a time (Unix, seconds).

        Returns:
            Number of requests still in flight; 0 for a replica that is not known.
        """
        retired = (old for old, _ in reversed(self._retired) if old.endpoints.service == service)
        slot = self._slots.get(service)
        found = slot.service if slot else next(retired, None)
        return await found.drain(replica_id, deadline) if found else 0

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
        service = old if old and same else Service(endpoints)
        kept = slot.listener if slot and slot.service.endpoints.port == endpoints.port else None
        listener = kept or await self._open(service, endpoints.port)
        try:
            await asyncio.to_thread(self._files.save, endpoints)
        except OSError:
            if listener is not kept:
                listener.close()
            raise
        service.update(endpoints)
        listener.service = service
        if slot:
            self._retire(slot, keep_service=same, keep_listener=listener is slot.listener)
        self._slots[endpoints.service] = Slot(service, listener)
        self._removed.pop(endpoints.service, None)

    async def _remove(self, endpoints: EndpointSet) -> None:
        await asyncio.to_thread(self._files.remove, endpoints.service)
        self._removed[endpoints.service] = endpoints
        if len(self._removed) > _REMEMBERED:
            del self._removed[next(iter(self._removed))]
        slot = self._slots.pop(endpoints.service, None)
        if slot:
            self._retire(slot, keep_service=False, keep_listener=False)
            old = slot.service.endpoints
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

    async def _listen(self, name: str) -> None:
        slot = self._slots.get(name)
        if slot and slot.listener is None:
            slot.listener = await self._open(slot.service, slot.service.endpoints.port)

    async def _try_to_listen(self, name: str) -> None:
        try:
            await self._listen(name)
        except PortUnavailable as error:
            _log.error("service %s is not served for now: %s", name, error)

    async def _open(self, service: Service, port: int) -> Listener:
        listener = Listener(service, self._write)
        await listener.open(self._host, port)
        return listener

    def _write(self, service: Service, line: AccessLine) -> None:
        endpoints = service.endpoints
        self._logs.write(self._logs.path(endpoints.service, endpoints.incarnation), line)

    def _newest(self, name: str) -> EndpointSet | None:
        slot = self._slots.get(name)
        return slot.service.endpoints if slot else self._removed.get(name)

    def _listeners(self) -> list[Listener]:
        found = [slot.listener for slot in self._slots.values()]
        found += [listener for _, listener in self._retired]
        return list({id(listener): listener for listener in found if listener}.values())

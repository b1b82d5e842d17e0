"""The control interface: HTTP on a unix socket that only the owner can reach."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from lb.data.counters import service_counters, service_load
from lb.data.endpoints import EndpointSet
from lb.data.exhaustion import Exhausted
from lb.data.listener import PortUnavailable
from lb.data.registry import Registry
from lb.data.wakes import seen
from lb.refusals import EXHAUSTED, INVALID_ENDPOINT_SET, PORT_UNAVAILABLE

_LARGEST_SET = 16 * 1024 * 1024
"""Bytes: room for more than 100,000 replicas."""


def control_application(registry: Registry) -> web.Application:
    """Return the application that answers on the control socket.

    Its answers are those of lb/reports.py, which the control process checks them with.
    """
    interface = _Interface(registry)
    application = web.Application(middlewares=[_refusals], client_max_size=_LARGEST_SET)
    application.add_routes(
        [
            web.put("/endpoints", interface.apply),
            web.get("/endpoints", interface.endpoints),
            web.get("/services", interface.services),
            web.get("/load", interface.load),
            web.get("/run", interface.run),
            web.get("/drain", interface.drain),
        ]
    )
    return application


class _Interface:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._run = secrets.token_hex(8)
        self._reports = 0

    async def apply(self, request: web.Request) -> web.Response:
        wanted = EndpointSet.checked(json.loads(await request.read()))
        return _answer(asdict(await self._registry.apply(wanted)))

    async def endpoints(self, request: web.Request) -> web.Response:
        return _answer({"sets": [asdict(each) for each in self._registry.endpoint_sets()]})

    async def services(self, request: web.Request) -> web.Response:
        services = [
            service_counters(slot.service, listening=slot.listener is not None)
            for slot in self._registry.slots()
        ]
        return _answer({"process": self._run, "services": services})

    async def load(self, request: web.Request) -> web.Response:
        wakes = self._registry.wakes
        known = seen(request.query.get("after", ""), self._run)
        # Whoever has not seen anything of this process yet has nothing to wait for.
        if known is not None:
            await wakes.wait(known, float(request.query.get("wait", 0)))
        slots = () if "brief" in request.query else self._registry.slots()
        self._reports += 1
        return _answer(
            {
                "process": self._run,
                "sequence": self._reports,
                "wakes": wakes.count,
                "services": [service_load(slot.service) for slot in slots],
            }
        )

    async def run(self, request: web.Request) -> web.Response:
        return _answer({"id": self._run, "unconfirmed": self._registry.unconfirmed()})

    async def drain(self, request: web.Request) -> web.Response:
        """Wait for a duration, as the clocks of those who ask and who wait may differ."""
        query = request.query
        replica_id, seconds = int(query["replica_id"]), float(query["seconds"])
        remaining = await self._registry.drain(query["service"], replica_id, seconds)
        return _answer({"remaining": remaining})


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except PortUnavailable as error:
        return _refusal(409, PORT_UNAVAILABLE, error, port=error.port)
    except (ValueError, KeyError) as error:  # among them what can never be served
        return _refusal(422, INVALID_ENDPOINT_SET, error)
    except Exhausted as error:
        return _refusal(503, EXHAUSTED, error)


def _refusal(status: int, name: str, error: Exception, **more: Any) -> web.Response:
    return _answer({"error": name, "message": str(error), **more}, status)


def _answer(values: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(values, status=status)

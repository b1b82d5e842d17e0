"""The control interface: HTTP on a unix socket that only the owner can reach."""

from __future__ import annotations

import secrets
from dataclasses import asdict

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from lb.data.counters import service_counters
from lb.data.endpoints import EndpointSet
from lb.data.exhaustion import Exhausted
from lb.data.listener import PortUnavailable
from lb.data.registry import Registry
from lb.data.service import InvalidEndpointSet
from lb.reports import (
    EXHAUSTED,
    INVALID_ENDPOINT_SET,
    PORT_UNAVAILABLE,
    Drain,
    EndpointSets,
    Refused,
    Run,
    Services,
)
from skyflow import state
from skyflow.contracts import DrainResult
from skyflow.records import Record

_LARGEST_SET = 16 * 1024 * 1024
"""Bytes: room for more than 100,000 replicas."""


def control_application(registry: Registry) -> web.Application:
    """Return the application that answers on the control socket."""
    interface = _Interface(registry)
    application = web.Application(middlewares=[_refusals], client_max_size=_LARGEST_SET)
    application.add_routes(
        [
            web.put("/endpoints", interface.apply),
            web.get("/endpoints", interface.endpoints),
            web.get("/services", interface.services),
            web.get("/run", interface.run),
            web.get("/drain", interface.drain),
        ]
    )
    return application


class _Interface:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._run = secrets.token_hex(8)

    async def apply(self, request: web.Request) -> web.Response:
        wanted = state.EndpointSet.model_validate_json(await request.read())
        in_force = await self._registry.apply(EndpointSet.of(wanted.model_dump()))
        return _answer(_record(in_force))

    async def endpoints(self, request: web.Request) -> web.Response:
        sets = self._registry.endpoint_sets()
        return _answer(EndpointSets(sets=tuple(_record(endpoints) for endpoints in sets)))

    async def services(self, request: web.Request) -> web.Response:
        slots = self._registry.slots()
        return _answer(
            Services(
                services=tuple(
                    service_counters(slot.service, listening=slot.listener is not None)
                    for slot in slots
                )
            )
        )

    async def run(self, request: web.Request) -> web.Response:
        return _answer(Run(id=self._run, unconfirmed=tuple(self._registry.unconfirmed())))

    async def drain(self, request: web.Request) -> web.Response:
        wanted = Drain.model_validate_strings(dict(request.query))
        remaining = await self._registry.drain(wanted.service, wanted.replica_id, wanted.seconds)
        return _answer(DrainResult(remaining=remaining))


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except PortUnavailable as error:
        refused = Refused(error=PORT_UNAVAILABLE, message=str(error), port=error.port)
        return _answer(refused, status=409)
    except (InvalidEndpointSet, ValidationError) as error:
        return _answer(Refused(error=INVALID_ENDPOINT_SET, message=str(error)), status=422)
    except Exhausted as error:
        return _answer(Refused(error=EXHAUSTED, message=str(error)), status=503)


def _record(endpoints: EndpointSet) -> state.EndpointSet:
    return state.EndpointSet.model_validate(asdict(endpoints))


def _answer(record: Record, status: int = 200) -> web.Response:
    return web.json_response(text=record.model_dump_json(), status=status)

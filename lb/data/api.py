"""The control interface: HTTP on a unix socket that only the owner can reach."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from lb.data.listener import PortUnavailable
from lb.data.registry import Registry
from lb.data.service import InvalidEndpointSet
from lb.reports import INVALID_ENDPOINT_SET, PORT_UNAVAILABLE, EndpointSets, Refused
from skyflow.contracts import DrainRequest, DrainResult
from skyflow.records import Record
from skyflow.state import EndpointSet

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
            web.get("/drain", interface.drain),
        ]
    )
    return application


class _Interface:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def apply(self, request: web.Request) -> web.Response:
        endpoints = EndpointSet.model_validate_json(await request.read())
        return _answer(await self._registry.apply(endpoints))

    async def endpoints(self, request: web.Request) -> web.Response:
        return _answer(EndpointSets(sets=tuple(self._registry.endpoint_sets())))

    async def services(self, request: web.Request) -> web.Response:
        return _answer(self._registry.counters())

    async def drain(self, request: web.Request) -> web.Response:
        wanted = DrainRequest.model_validate_strings(dict(request.query))
        remaining = await self._registry.drain(wanted.service, wanted.replica_id, wanted.deadline)
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
    except OSError as error:
        message = f"the endpoint set could not be written: {error}"
        return _answer(Refused(error="StorageError", message=message), status=500)


def _answer(record: Record, status: int = 200) -> web.Response:
    return web.json_response(text=record.model_dump_json(), status=status)

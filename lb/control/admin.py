"""The admin port: health, metrics and load, on this computer only."""

from __future__ import annotations

import json
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ValidationError

from lb.control.data_plane import DataPlane, DataPlaneUnavailable
from lb.control.metrics import exposition
from lb.control.totals import Totals
from lb.reports import LoadQuestion


class Worker(Protocol):
    """Works for Temporal."""

    async def polls(self) -> bool:
        """Return whether Temporal sees it poll its queue."""


def admin_application(
    data_plane: DataPlane, totals: Totals, worker: Worker | None
) -> web.Application:
    """Return the application of the admin port; without a worker, of a balancer that is alone."""
    admin = _Admin(data_plane, totals, worker)
    application = web.Application(middlewares=[_refusals])
    application.add_routes(
        [
            web.get("/healthz", admin.health),
            web.get("/metrics", admin.metrics),
            web.get("/load", admin.load),
        ]
    )
    return application


class _Admin:
    def __init__(self, data_plane: DataPlane, totals: Totals, worker: Worker | None) -> None:
        self._data_plane = data_plane
        self._worker = worker
        self._totals = totals

    async def health(self, request: web.Request) -> web.Response:
        parts = {"data_plane": await self._data_plane_answers()}
        if self._worker:
            parts["worker"] = await self._worker.polls()
        return web.json_response(parts, status=200 if all(parts.values()) else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        services = await self._totals.after(await self._data_plane.processes())
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=exposition(services), headers=headers)

    async def load(self, request: web.Request) -> web.Response:
        question = LoadQuestion.model_validate_strings(dict(request.query))
        report = await self._data_plane.load(question)
        # Hundreds of services are half a megabyte a second: pydantic writes it nine times as fast
        # as what it would turn into plain values first.
        text = f'{{"cursor":{json.dumps(report.cursor)},{report.model_dump_json()[1:]}'
        return web.Response(text=text, content_type="application/json")

    async def _data_plane_answers(self) -> bool:
        try:
            await self._data_plane.services()
        except DataPlaneUnavailable:
            return False
        return True


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except DataPlaneUnavailable as error:
        return web.Response(text=f"{error}\n", status=503)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        return web.Response(text=f"the query is not valid: {problems}\n", status=400)

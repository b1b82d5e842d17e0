"""The admin port: health and metrics, on this computer only."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from lb.control.data_plane import DataPlane, DataPlaneUnavailable
from lb.control.metrics import exposition
from lb.control.worker import BalancerWorker


def admin_application(data_plane: DataPlane, worker: BalancerWorker) -> web.Application:
    """Return the application of the admin port."""
    admin = _Admin(data_plane, worker)
    application = web.Application()
    application.add_routes([web.get("/healthz", admin.health), web.get("/metrics", admin.metrics)])
    return application


class _Admin:
    def __init__(self, data_plane: DataPlane, worker: BalancerWorker) -> None:
        self._data_plane = data_plane
        self._worker = worker

    async def health(self, request: web.Request) -> web.Response:
        parts = {
            "data_plane": await self._data_plane_answers(),
            "worker": await self._worker.polls(),
        }
        return web.json_response(parts, status=200 if all(parts.values()) else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        try:
            services = await self._data_plane.services()
        except DataPlaneUnavailable as error:
            return web.Response(text=f"{error}\n", status=503)
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=exposition(services), headers=headers)

    async def _data_plane_answers(self) -> bool:
        try:
            await self._data_plane.services()
        except DataPlaneUnavailable:
            return False
        return True

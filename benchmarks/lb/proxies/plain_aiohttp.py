"""The obvious proxy in Python: an aiohttp server whose handler uses a ClientSession."""

from __future__ import annotations

import itertools
import sys
from importlib.metadata import version

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

from benchmarks.lb.proxies.base import Place, Proxy

_OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class PlainAiohttp(Proxy):
    """A reference for what a proxy costs that nobody has made faster."""

    name: str = "aiohttp"

    def install(self) -> str:
        """Return the version, which is that of this environment."""
        return f"aiohttp {version('aiohttp')}"

    def command(self, place: Place) -> list[str]:
        """Return the command that runs this module."""
        return [sys.executable, "-m", __name__, str(place.port), *place.urls]


def serve(port: int, urls: list[str]) -> None:
    """Pass requests on to each replica in turn."""
    web.run_app(_application(urls), host="127.0.0.1", port=port, access_log=None, print=None)


async def _application(urls: list[str]) -> web.Application:
    session = ClientSession(
        connector=TCPConnector(limit=0), timeout=ClientTimeout(), auto_decompress=False
    )
    turns = itertools.cycle(urls)

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read() if request.can_read_body else None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _OF_ONE_CONNECTION}
        url = next(turns) + request.raw_path
        async with session.request(request.method, url, headers=headers, data=body) as answer:
            response = web.StreamResponse(status=answer.status)
            for name, value in answer.headers.items():
                if name.lower() != "transfer-encoding":
                    response.headers.add(name, value)
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    return application


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:])

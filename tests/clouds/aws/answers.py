"""A server that answers calls of EC2 as a test says, however AWS would."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = tuple[int, str]
"""A status and a body; status 0 breaks the connection."""


def error(code: str, status: int = 400) -> Answer:
    return status, (
        f"<Response><Errors><Error><Code>{code}</Code><Message>as a test says</Message></Error>"
        "</Errors><RequestID>1</RequestID></Response>"
    )


def done(action: str, content: str = "") -> Answer:
    return 200, f"<{action}Response>{content}</{action}Response>"


@dataclass
class Ec2:
    """What each action is answered with, one after another, the last one for ever."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    """Parameters and headers of what was asked, by action."""
    refused_region: str = ""
    """Region in which nothing is allowed."""
    go_on: asyncio.Event | None = None
    """What every answer waits for."""
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        action = form["Action"]
        self.asked[action].append({**form, "Authorization": request.headers["Authorization"]})
        answers = self.answers.get(action) or [done(action)]
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        if self.refused_region and f"/{self.refused_region}/" in request.headers["Authorization"]:
            status, body = error("UnauthorizedOperation", 403)
        if self.go_on:
            await self.go_on.wait()
        if status == 0:
            assert request.transport
            request.transport.close()
        return web.Response(status=status or 200, text=body, content_type="text/xml")


@asynccontextmanager
async def running(server: Ec2) -> AsyncIterator[Ec2]:
    application = web.Application()
    application.router.add_post("/", server.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()

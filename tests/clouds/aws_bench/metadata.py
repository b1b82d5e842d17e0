"""The instance metadata service, version 2, of one machine.

Paths and codes are those of the EC2 user guide, "Instance metadata".
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

ADDRESS = "169.254.169.254"
_LONGEST_SECONDS = 21600
_TOKEN, _TOKEN_TTL = "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds"


@dataclass
class Notices:
    """What an instance is told of its end."""

    action: dict[str, str] | None = None
    """`spot/instance-action`: what will be done, and when."""
    rebalance: dict[str, str] | None = None
    """`events/recommendations/rebalance`: when it was said that the risk has grown."""


@dataclass
class Metadata:
    """The metadata of an instance."""

    values: dict[str, str]
    """What is constant, by path below `meta-data`."""
    user_data: bytes
    token_needed: bool
    """Whether version 1, which needs no token, is refused."""
    notices: Notices = field(default_factory=Notices)
    clock: Callable[[], float] = time.monotonic
    refused: int = 0
    """Number of calls without a valid token."""
    _tokens: dict[str, float] = field(default_factory=dict)

    def application(self) -> web.Application:
        """Return the service; it answers as long as the machine runs."""
        application = web.Application()
        application.router.add_put("/latest/api/token", self._give_token)
        application.router.add_get("/latest/user-data", self._tell_user_data)
        application.router.add_get("/latest/meta-data/{path:.*}", self._tell)
        return application

    async def _give_token(self, request: web.Request) -> web.Response:
        wanted = request.headers.get(_TOKEN_TTL, "")
        if not wanted.isdecimal() or not 1 <= int(wanted) <= _LONGEST_SECONDS:
            raise web.HTTPBadRequest
        if "X-Forwarded-For" in request.headers:
            raise web.HTTPForbidden
        token = secrets.token_urlsafe(40)
        self._tokens[token] = self.clock() + int(wanted)
        return web.Response(text=token, headers={_TOKEN_TTL: wanted})

    async def _tell_user_data(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.Response(body=self.user_data)

    async def _tell(self, request: web.Request) -> web.Response:
        self._check(request)
        path = request.match_info["path"]
        value = self._values().get(path.rstrip("/"))
        if value is None:
            raise web.HTTPNotFound
        return web.Response(text=value)

    def _check(self, request: web.Request) -> None:
        token = request.headers.get(_TOKEN)
        if token is None and not self.token_needed:
            return
        if token is None or self._tokens.get(token, 0) < self.clock():
            self.refused += 1
            raise web.HTTPUnauthorized

    def _values(self) -> dict[str, str]:
        notices = {
            "spot/instance-action": self.notices.action,
            "events/recommendations/rebalance": self.notices.rebalance,
        }
        told = {path: json.dumps(notice) for path, notice in notices.items() if notice}
        if self.notices.action:
            told["spot/termination-time"] = self.notices.action["time"]
        return {**self.values, **told}

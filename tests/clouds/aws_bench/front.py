"""The HTTP front before moto: follows the script, and does what moto leaves out."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from tests.clouds.aws_bench.account import Account
from tests.clouds.aws_bench.calls import Call, error_answer, read_call
from tests.clouds.aws_bench.fleet import Fleet
from tests.clouds.aws_bench.images import PARAMETERS
from tests.clouds.aws_bench.script import Fate, Script
from tests.clouds.aws_bench.tokens import Mismatch, Tokens

Answer = tuple[int, CIMultiDict[str], bytes]
_OWN_HEADERS = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
"""What the front's own server says of its answers."""
_LARGEST_BODY = 64 * 2**20
_LOOK_SECONDS = 0.02
_BY_REFERENCE = "resolve:ssm:"


@dataclass
class Front:
    """A server that passes calls on to moto."""

    moto: str
    """URL of moto."""
    account: Account
    fleet: Fleet
    script: Script = field(default_factory=Script)
    tokens: Tokens | None = field(default_factory=Tokens)
    """None if client tokens mean nothing, as at moto."""
    calls: list[Call] = field(default_factory=list)
    """Every call that came, in order."""
    _release: asyncio.Event = field(default_factory=asyncio.Event)
    _zones: dict[str, dict[str, str]] = field(default_factory=dict)
    _client: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve meanwhile; returns the URL."""
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        async with aiohttp.ClientSession(auto_decompress=False) as self._client:
            await site.start()
            try:
                yield f"http://127.0.0.1:{runner.addresses[0][1]}"
            finally:
                self.release()
                await runner.cleanup()

    def release(self) -> None:
        """Give the answers that are held."""
        self._release.set()
        self._release = asyncio.Event()

    def calm(self) -> None:
        """Forget what was to go wrong, and the calls that came."""
        self.release()
        self.script, self.calls = Script(), []
        self.tokens = self.tokens or Tokens()

    def reset(self, fleet: Fleet) -> None:
        """Forget everything that was and was to come."""
        self.calm()
        self.fleet, self.tokens, self._zones = fleet, Tokens(), {}

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = read_call(request.method, request.headers, request.query_string, body)
        call = await self._placed(call)
        self.calls.append(call)
        if error := self.script.error(call):
            return _response(request, error_answer(call, *error))
        fate, release = self.script.fate(call), self._release
        # A client that gives up does not keep the cloud from carrying out what it has asked for.
        answer = await asyncio.shield(asyncio.ensure_future(self._carry_out(request, call, body)))
        if fate is Fate.HELD:
            await _hold(request, release)
        if fate is Fate.LOST and request.transport:
            request.transport.abort()
        return _response(request, answer)

    async def _placed(self, call: Call) -> Call:
        """Return a call with the zone that it asks for, which its subnet may tell."""
        if call.action != "RunInstances":
            return call
        zone = call.parameters.get("Placement.AvailabilityZone", "")
        subnets = [call.parameters.get(key, "") for key in _SUBNETS]
        if any(subnets) and call.region not in self._zones:
            self._zones[call.region] = await self.account.zones_of_subnets(call.region)
        zones = self._zones.get(call.region, {})
        found = next((zones[subnet] for subnet in subnets if subnet in zones), zone)
        return dataclasses.replace(call, zone=found)

    async def _carry_out(self, request: web.Request, call: Call, body: bytes) -> Answer:
        if call.service == "ssm" and (known := _parameters(call, body)):
            return known
        if call.action == "DescribeSpotInstanceRequests" and not call.dry:
            return 200, CIMultiDict(_XML), await self.fleet.spot_requests(call)
        if call.action == "TerminateInstances" and (ended := await self.fleet.ended_by(call)):
            return 200, CIMultiDict(_XML), ended
        if call.action != "RunInstances" or not call.parameters.get("ClientToken"):
            return await self._pass_on(request, call, body)
        if self.tokens is None:
            return await self._pass_on(request, call, body)
        async with self.tokens.lock(call):
            return await self._once(self.tokens, request, call, body)

    async def _once(self, tokens: Tokens, request: web.Request, call: Call, body: bytes) -> Answer:
        try:
            known = tokens.answer(call)
        except Mismatch:
            message = "Arguments on this idempotent request are inconsistent with arguments used"
            return error_answer(call, "IdempotentParameterMismatch", message)
        if known is not None:
            return 200, CIMultiDict(_XML), await self.fleet.refresh(known, call)
        status, headers, answer = await self._pass_on(request, call, body)
        if status == 200:
            tokens.used(call, answer)
        return status, headers, answer

    async def _pass_on(self, request: web.Request, call: Call, body: bytes) -> Answer:
        assert self._client
        if call.action == "RunInstances":
            body = _with_image(call, body)
        headers = CIMultiDict(request.headers)
        headers.popall("Content-Length", None)
        headers.popall("Transfer-Encoding", None)
        async with self._client.request(
            request.method,
            self.moto + request.raw_path,
            headers=headers,
            data=body,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
        ) as response:
            answer = await response.read()
            status, given = response.status, CIMultiDict(response.headers)
        if call.service == "ec2" and status == 200:
            await self.fleet.take_effect(call, answer)
            answer = self.fleet.change(answer, call)
        return status, given, answer


_XML = {"Content-Type": "text/xml;charset=UTF-8"}
_SUBNETS = ("SubnetId", "NetworkInterface.1.SubnetId", "NetworkInterface.0.SubnetId")


async def _hold(request: web.Request, release: asyncio.Event) -> None:
    """Wait until the test lets go of an answer, or its client has given up."""
    while request.transport and not request.transport.is_closing():
        with suppress(TimeoutError):
            await asyncio.wait_for(release.wait(), _LOOK_SECONDS)
            return


def _response(request: web.Request, answer: Answer) -> web.Response:
    status, headers, body = answer
    given = CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _OWN_HEADERS)
    if request.method == "HEAD" and "Content-Length" in headers:
        given["Content-Length"] = headers["Content-Length"]
    return web.Response(status=status, headers=given, body=body)


def _parameters(call: Call, body: bytes) -> Answer | None:
    """Return the answer about public parameters that moto lacks, None if it is asked for others."""
    names = [call.parameters["Name"]] if call.action == "GetParameter" else []
    if call.action == "GetParameters":
        names = json.loads(body)["Names"]
    if not names or not any(name in PARAMETERS for name in names):
        return None
    found = [_parameter(call.region, name) for name in names if name in PARAMETERS]
    if call.action == "GetParameter":
        document: dict[str, object] = {"Parameter": found[0]}
    else:
        missing = [name for name in names if name not in PARAMETERS]
        document = {"Parameters": found, "InvalidParameters": missing}
    headers = CIMultiDict({"Content-Type": "application/x-amz-json-1.1"})
    return 200, headers, json.dumps(document).encode()


def _parameter(region: str, name: str) -> dict[str, object]:
    return {
        "ARN": f"arn:aws:ssm:{region}::parameter{name}",
        "DataType": "aws:ec2:image",
        "LastModifiedDate": 1793491200,
        "Name": name,
        "Type": "String",
        "Value": PARAMETERS[name],
        "Version": 1,
    }


def _with_image(call: Call, body: bytes) -> bytes:
    """Return the form of RunInstances with the image that it names by a parameter."""
    image = call.parameters.get("ImageId", "")
    known = PARAMETERS.get(image.removeprefix(_BY_REFERENCE))
    if not image.startswith(_BY_REFERENCE) or known is None:
        return body
    return urlencode({**call.parameters, "ImageId": known}).encode()

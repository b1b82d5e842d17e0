"""Calls of Amazon's interfaces: what they ask for, and errors in the form of each protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from multidict import CIMultiDict

_SCOPE = re.compile(r"Credential=(?P<key>[^/,]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")

_FILTER = re.compile(r"(Filter\.\d+)\.Value\.\d+")

THROTTLED = {"ec2": "RequestLimitExceeded", "s3": "SlowDown", "ssm": "ThrottlingException"}
"""Error code of a service that is asked too often; `Throttling` where none is given."""
EXPIRED = {"ec2": "RequestExpired", "ssm": "ExpiredTokenException"}
"""Error code of credentials whose time is over; `ExpiredToken` where none is given."""

_STATUS = {
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    "AuthFailure": 401,
    "Blocked": 403,
    "InsufficientCapacity": 500,
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "OptInRequired": 401,
    "RequestLimitExceeded": 503,
    "SlowDown": 503,
    "UnauthorizedOperation": 403,
    "Unavailable": 503,
}
"""HTTP status of error codes; 400 where none is given."""


@dataclass(frozen=True)
class Call:
    """One call, as far as its form is known."""

    service: str
    region: str
    action: str
    """Name of the operation; of S3 the HTTP method."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Fields of the form, or of the JSON document as far as they are texts."""
    key: str = ""
    """Id of the access key that signed it."""
    zone: str = ""
    """Availability zone that instances are asked for in."""

    @property
    def instance_type(self) -> str:
        return self.parameters.get("InstanceType", "")

    @property
    def spot(self) -> bool:
        return self.parameters.get("InstanceMarketOptions.MarketType") == "spot"

    @property
    def dry(self) -> bool:
        """Whether it only asks for permission."""
        return self.parameters.get("DryRun") == "true"

    def listed(self, name: str) -> list[str]:
        """Return the values of a parameter that is a list."""
        form = re.compile(rf"{name}\.\d+")
        return [value for key, value in self.parameters.items() if form.fullmatch(key)]

    def filters(self) -> dict[str, list[str]]:
        """Return the values that each filter allows."""
        found: dict[str, list[str]] = {}
        for key, value in self.parameters.items():
            if part := _FILTER.fullmatch(key):
                found.setdefault(self.parameters[f"{part[1]}.Name"], []).append(value)
        return found


def read_call(method: str, headers: Mapping[str, str], query: str, body: bytes) -> Call:
    """Read a call from a signed HTTP request."""
    scope = _SCOPE.search(headers.get("Authorization", "")) or _SCOPE.search(_presigned(query))
    region, service, key = scope.group("region", "service", "key") if scope else ("", "s3", "")
    if target := headers.get("X-Amz-Target"):
        return Call(service, region, target.rpartition(".")[2], _document(body), key)
    if service == "s3":
        return Call(service, region, method, key=key)
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return Call(service, region, form.get("Action", method), form, key)


def error_answer(call: Call, code: str, message: str) -> tuple[int, CIMultiDict[str], bytes]:
    """Return the status, headers and body of an error."""
    status = 403 if (call.service, code) == ("sts", "ExpiredToken") else _STATUS.get(code, 400)
    if call.service == "ssm":
        headers = CIMultiDict({"Content-Type": "application/x-amz-json-1.1"})
        return status, headers, json.dumps({"__type": code, "message": message}).encode()
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.service == "ec2":
        text = f"<Response><Errors><Error>{error}</Error></Errors>{_ID}</Response>"
    elif call.service == "s3":
        text = f"<Error>{error}</Error>"
    else:
        text = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
    headers = CIMultiDict({"Content-Type": "text/xml;charset=UTF-8"})
    return status, headers, ('<?xml version="1.0" encoding="UTF-8"?>\n' + text).encode()


_ID = "<RequestID>00000000-0000-4000-8000-000000000000</RequestID>"


def _presigned(query: str) -> str:
    credential = dict(parse_qsl(query)).get("X-Amz-Credential", "")
    return f"Credential={credential}"


def _document(body: bytes) -> dict[str, str]:
    found = json.loads(body or b"{}")
    return {key: value for key, value in found.items() if isinstance(value, str)}

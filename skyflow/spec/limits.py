"""What the balancer demands of clients: encryption, keys, patience."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from skyflow.spec.faults import Fault, allowed, refused, wrong
from skyflow.spec.numbers import Limit, Rate, RequestCount, Seconds
from skyflow.spec.section import Section
from skyflow.spec.sources import LocalPath

MAX_API_KEYS = 1000
"""Most API keys of a service."""
SHORTEST_API_KEY = 8
"""Fewest characters of an API key: a shorter one is guessed within minutes."""

_API_KEY = re.compile(r"[\x21-\x7e]+")


class Tls(Section):
    """Certificate and key of the endpoint; replicas are reached without TLS."""

    keyfile: LocalPath
    """File of the private key, in PEM format."""
    certfile: LocalPath
    """File of the certificate and those that sign it, in PEM format."""

    @field_validator("keyfile", "certfile", mode="before")
    @classmethod
    def _check_path(cls, value: Any) -> Any:
        if not isinstance(value, str | Path) or not str(value).strip():
            raise allowed("the path of a file")
        return value


class Queue(Section):
    """Where requests wait while no replica can take them."""

    max_requests: RequestCount = 1000
    """Most requests that wait; further ones are refused at once."""
    max_wait_seconds: Seconds = 60
    """Longest time that a request waits."""


class Auth(Section):
    """Who may send requests."""

    api_keys: tuple[str, ...]
    """Keys of which a client must send one, as `Authorization: Bearer KEY`; shown nowhere."""

    @field_validator("api_keys", mode="before")
    @classmethod
    def _read_keys(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise allowed("a list of keys")
        if not 1 <= len(value) <= MAX_API_KEYS:
            raise wrong(f"found {len(value)} keys; allowed: 1 to {MAX_API_KEYS}")
        return tuple(value)

    @field_validator("api_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        message = (
            f"is not usable as a key; allowed: at least {SHORTEST_API_KEY} letters, digits and "
            "signs, no blanks"
        )
        faults = [
            Fault(message, (at,))
            for at, key in enumerate(keys)
            if len(key) < SHORTEST_API_KEY or not _API_KEY.fullmatch(key)
        ]
        if faults:
            raise refused(faults)
        return keys


class RateLimit(Section):
    """How many requests a client may send."""

    requests_per_second: Rate
    """Requests per second in the long run."""
    burst: Limit | None = None
    """Requests at once after a pause; a second's worth, at least 1, if left out."""
    per: Literal["client", "api_key", "service"] = "client"
    """What is counted: each client address, each API key, or all requests together."""


def check_rate_limit(limit: RateLimit | None, auth: Auth | None) -> None:
    """Refuse a limit per API key where there are none.

    Raises:
        PydanticCustomError: There are none.

    """
    if limit is not None and limit.per == "api_key" and auth is None:
        message = "counts API keys, but there is no `auth`; allowed: client or service"
        raise refused([Fault(message, ("rate_limit", "per"))])

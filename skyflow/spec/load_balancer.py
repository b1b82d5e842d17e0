"""Settings and logs of the balancer in front of a service."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, field_validator

from skyflow.spec.faults import wrong
from skyflow.spec.numbers import Delay, Seconds, or_variable
from skyflow.spec.section import Section

MAX_PREFIX_BYTES = 64 * 1024
"""Longest beginning of a request that is looked at: as much as a balancer keeps of one."""
PREFIX_BYTES = 16 * 1024
"""How much is looked at if nothing is said: about 4,000 tokens."""
AFFINITY_KEYS = ("prefix_bytes", "session_header")
"""Keys that say something to `prefix_affinity` only."""

LogForm: TypeAlias = Literal["text", "json", "off"]

_PrefixBytes = Annotated[int, Field(ge=1, le=MAX_PREFIX_BYTES)]
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def read_log_form(value: Any) -> Any:
    """Return the form of a log; YAML reads `off` without quotes as false."""
    return "off" if value is False else value


class LoadBalancer(Section):
    """Settings and logs of the balancer."""

    stream_timeout_seconds: Seconds = 120
    """Longest time without a byte from a replica."""
    access_log: Annotated[
        LogForm,
        BeforeValidator(read_log_form, json_schema_input_type=LogForm | Literal[False]),
    ] = "text"
    """Lines of the log of requests: text, JSON, or none."""
    slow_start_seconds: Delay = 10
    """Time in which a replica that joins others works up to its full share of the requests."""
    prefix_bytes: Annotated[_PrefixBytes, or_variable(_PrefixBytes)] | None = None
    """How much of a request's content `prefix_affinity` looks at, in bytes; 16384 if left out."""
    session_header: str | None = None
    """Name of a header; with `prefix_affinity`, requests in which it says the same go to the same
    replica."""

    @field_validator("session_header")
    @classmethod
    def _check_header(cls, value: str | None) -> str | None:
        if value is not None and not _HEADER.fullmatch(value):
            raise wrong("is not the name of a header; allowed: a name such as X-Session-ID")
        return value

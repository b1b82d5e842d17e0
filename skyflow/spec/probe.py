"""When a replica is ready."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue, field_validator

from skyflow.spec.faults import Fault, allowed, refused
from skyflow.spec.numbers import Delay, Seconds
from skyflow.spec.section import Section

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")


_POST_DATA = "a mapping, or text that is JSON"


def read_post_data(value: Any) -> str:
    """Return either form of `post_data` as JSON text."""
    if isinstance(value, dict):
        return json.dumps(value)
    if not isinstance(value, str):
        raise allowed(_POST_DATA)
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        raise allowed(_POST_DATA) from None
    return value


PostData: TypeAlias = Annotated[
    str, BeforeValidator(read_post_data, json_schema_input_type=str | dict[str, JsonValue])
]
"""JSON text; a mapping is written as such."""


class ReadinessProbe(Section):
    """How a replica is asked whether it is ready: the answer must be status 200."""

    path: str = "/"
    """Path and query of the request."""
    initial_delay_seconds: Delay = 1200
    """Longest time for setup, start and the first success."""
    timeout_seconds: Seconds = 15
    """Longest time for one answer."""
    endpoint_probe_interval_seconds: Seconds = 10
    """Time between two probes of a replica that has been ready."""
    consecutive_failure_threshold_timeout: Seconds = 180
    """Time, in seconds, of nothing but failures after which the replica is replaced."""
    post_data: PostData | None = None
    """JSON text to send with POST; the probe is a GET without it."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers of the request."""

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if not path.startswith("/") or _BLANK_OR_CONTROL.search(path):
            raise allowed("a path that starts with / and holds no blanks")
        return path

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        faults = [
            Fault(f"'{name}' cannot name a header", (name,), of_key=True)
            for name in headers
            if not _HEADER_NAME.fullmatch(name)
        ]
        faults += [
            Fault("holds a line break or another control character", (name,))
            for name, value in headers.items()
            if _CONTROL.search(value)
        ]
        if faults:
            raise refused(faults)
        return headers

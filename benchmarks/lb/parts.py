"""The parts of the benchmark: what is asked of each proxy, and what is counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.lb.load import Load, Outcome

CONNECTIONS = 64
PACE = 100
"""Requests per second at which added latency is measured: slow proxies are not busy then."""
DOWNLOAD_SECONDS = 60.0
READY_TARGET = "/get_model_info"
"""A path that all of them pass on; routers answer many others by themselves."""
_MIB = 2**20


@dataclass(frozen=True)
class Part:
    """A load, and what it is counted in."""

    name: str
    mode: str
    count: int
    request: bytes
    unit: str
    """What the CPU time is divided by: `answer`, `event` or `MiB`."""
    of_seconds: float = 1.0
    """How long it is measured, in parts of the seconds that were asked for."""

    def load(self, seconds: float) -> Load:
        """Return the load, measured for that long."""
        limit = DOWNLOAD_SECONDS if self.mode == "download" else seconds * self.of_seconds
        return Load(self.mode, self.count, limit, self.request)

    def units(self, outcome: Outcome) -> float:
        """Return how many of its units came."""
        if self.unit == "MiB":
            return outcome.received / _MIB
        return outcome.events if self.unit == "event" else outcome.answers


_FIELDS = ("User-Agent: bench", "Accept: */*")
_FIELDS_OF_OPENAI = (
    "Accept: application/json",
    "Accept-Encoding: gzip, deflate",
    "User-Agent: OpenAI/Python 1.99.9",
    "X-Stainless-Lang: python",
    "X-Stainless-Package-Version: 1.99.9",
    "X-Stainless-OS: Linux",
    "X-Stainless-Arch: x64",
    "X-Stainless-Runtime: CPython",
    "X-Stainless-Runtime-Version: 3.11.7",
    "X-Stainless-Async: false",
    "X-Stainless-Retry-Count: 0",
    "X-Stainless-Read-Timeout: 600",
    "Authorization: Bearer sk-" + "0" * 48,
    "Connection: keep-alive",
)
"""What the `openai` package sends with each request, besides what every client does."""


def _request(start: str, body: bytes = b"", fields: Sequence[str] = _FIELDS) -> bytes:
    lines = [f"{start} HTTP/1.1", "Host: bench.test", *fields]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _question(size: int, **more: object) -> bytes:
    """Return a chat or completion request as JSON of about so many bytes."""
    return json.dumps({"model": "bench", "prompt": "x" * size, **more}).encode()


def _chat() -> bytes:
    messages = [{"role": "user", "content": "Hello"}]
    return json.dumps({"model": "bench", "messages": messages, "stream": True}).encode()


_GET = _request(f"GET {READY_TARGET}")
_POST = _request("POST /v1/completions", _question(2000))
_OPENAI = _request("POST /v1/completions", _question(1000), _FIELDS_OF_OPENAI)
WARM_UP = Load("paced", PACE, 5.0, _POST)
"""What comes before all parts: a proxy may learn meanwhile how long connections last."""
_STREAM = _request("POST /v1/chat/completions", _chat())

PARTS = (
    Part("get", "closed", CONNECTIONS, _GET, "answer"),
    Part("post", "closed", CONNECTIONS, _POST, "answer"),
    Part("openai", "closed", CONNECTIONS, _OPENAI, "answer"),
    Part("latency", "paced", PACE, _GET, "answer", of_seconds=2),
    Part("stream-200", "streams", 200, _STREAM, "event"),
    Part("stream-1000", "streams", 1000, _STREAM, "event"),
    Part("download", "download", 1, _request("GET /download"), "MiB"),
)

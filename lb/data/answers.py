"""Answers that the balancer gives itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

NOTHING_READY_SECONDS = 5
"""When to ask again if no replica is ready: they come within seconds at best."""
UNKNOWN_SECONDS = 5
"""When to ask again if all replicas are busy and nobody knows how fast they are."""
ALL_REFUSED_SECONDS = 1
"""When to ask again if every replica refused: as often as they are tried."""
EXHAUSTED_SECONDS = 1
"""When to ask again if the balancer has no room: it has as soon as another request ends."""


@dataclass(frozen=True)
class Answer:
    """An answer without a replica."""

    status: int
    error: str
    """Name of the error, for machines."""
    message: str
    retry_after: int | None = None

    @property
    def content(self) -> bytes:
        """The body: JSON with the error's name and a message."""
        return json.dumps({"error": self.error, "message": self.message}).encode() + b"\n"

    def encode(
        self,
        *,
        method: bytes,
        keep_alive: bool,
        old_client: bool = False,
        request_id: bytes | None = None,
    ) -> bytes:
        """Return head and body as bytes."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines.append("Content-Type: application/json")
        lines.append(f"Content-Length: {len(self.content)}")
        if self.retry_after is not None:
            lines.append(f"Retry-After: {self.retry_after}")
        if request_id is not None:
            lines.append(f"X-Request-ID: {request_id.decode()}")
        if not keep_alive:
            lines.append("Connection: close")
        elif old_client:
            lines.append("Connection: keep-alive")
        head = "\r\n".join([*lines, "", ""]).encode()
        return head if method == b"HEAD" else head + self.content


def nothing_ready(service: str) -> Answer:
    """Return the answer when a service has no ready replica."""
    return Answer(
        503,
        "NoReplicaReady",
        f"no replica of {service} is ready; try again in a moment",
        NOTHING_READY_SECONDS,
    )


def starting(service: str, seconds: int) -> Answer:
    """Return the answer when a service has no ready replica, and it is known when it will.

    Args:
        service: Name of the service.
        seconds: When a replica will most likely be ready.
    """
    return Answer(
        503,
        "NoReplicaReady",
        f"no replica of {service} is ready; one should be in {seconds} s: try again then",
        seconds,
    )


def all_busy(service: str, seconds: int) -> Answer:
    """Return the answer when all replicas have as much to do as they may.

    Args:
        service: Name of the service.
        seconds: When one of them will most likely have a place for another request.
    """
    return Answer(
        429,
        "AllReplicasBusy",
        f"all replicas of {service} are busy; try again in {seconds} s",
        seconds,
    )


def all_refused(service: str) -> Answer:
    """Return the answer when no replica took the request."""
    return Answer(
        503,
        "NoReplicaReachable",
        f"no replica of {service} accepts connections; try again in a moment",
        ALL_REFUSED_SECONDS,
    )


def exhausted(reason: str) -> Answer:
    """Return the answer when the balancer itself cannot open another connection."""
    return Answer(
        503,
        "BalancerExhausted",
        f"the balancer cannot open another connection ({reason}); try again in a moment",
        EXHAUSTED_SECONDS,
    )


def broken(reason: str) -> Answer:
    """Return the answer when a replica got the request and gave no valid answer."""
    return Answer(502, "ReplicaFailed", f"the replica failed: {reason}")


def silent(seconds: float) -> Answer:
    """Return the answer when a replica got the request and said nothing for too long."""
    return Answer(504, "ReplicaSilent", f"the replica did not answer within {seconds:g} s")


def late(seconds: float) -> Answer:
    """Return the answer when a replica got the request and did not begin to answer in time."""
    return Answer(504, "ReplicaTimeout", f"the replica did not begin to answer in {seconds:g} s")


def client_silent(seconds: float) -> Answer:
    """Return the answer when the client did not go on sending its request."""
    return Answer(408, "RequestTimeout", f"nothing more of the request came within {seconds:g} s")


def bad_request(message: str, status: int = 400) -> Answer:
    """Return the answer to a request that is not valid HTTP."""
    return Answer(status, "BadRequest", message)

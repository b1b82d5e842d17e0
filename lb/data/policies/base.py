"""What a policy looks at, and what each of them is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from lb.http.heads import RequestHead


class Candidate(Protocol):
    """A replica as policies see it."""

    in_flight: int
    """Number of requests that it works on."""
    capacity: float
    """What it can take, relative to the others; above 0."""
    weight: float
    """What it should get of the requests, relative to the others; 0 or more."""
    pace: float
    """Part of its capacity that it is given while it is new, above 0; 1 once it is not."""
    last_chosen: int
    """Number of the turn at which it was chosen last; 0 for never."""

    @property
    def id(self) -> int:
        """Number of the replica, which no other one of the service ever has."""


class Request(Protocol):
    """A request as policies see it."""

    @property
    def head(self) -> RequestHead:
        """Its head."""

    @property
    def prefix(self) -> bytes:
        """What has been read of its content, without framing."""


Chosen = TypeVar("Chosen", bound=Candidate)


class Policy(ABC, Generic[Chosen]):
    """Chooses one of several replicas."""

    prefix_bytes: int = 0
    """How much of the content of a request it wants to see, in bytes."""

    @abstractmethod
    def update(self, replicas: Sequence[Chosen]) -> None:
        """Learn which replicas there are."""

    @abstractmethod
    def choose(self, candidates: Sequence[Chosen], request: Request | None) -> Chosen:
        """Return one of at least one candidate.

        Args:
            candidates: They are among the replicas there are, and all have the same weight.
            request: What is to be sent; None if nothing is known of it.

        """

    def session(self, request: Request | None) -> bytes | None:
        """Return what the requests of one client have in common; None if nothing says so."""
        return None

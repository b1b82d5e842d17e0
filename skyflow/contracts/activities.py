"""The activities: one table of names, types, queues, limits and retries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from skyflow.clouds.base import Machine, MachineRequest
from skyflow.contracts.messages import Slot, SlotRelease, SlotRequest
from skyflow.contracts.names import OPERATIONS_QUEUE, WATCH_QUEUE
from skyflow.contracts.payloads import (
    DrainRequest,
    DrainResult,
    EndedService,
    EndpointsApplied,
    LoadWatchRequest,
    LoadWatchResult,
    OfferQuery,
    Offers,
    ReplicaTask,
    ServiceReference,
    SurveyRequest,
    TeardownRequest,
    WatchRequest,
    WatchResult,
)
from skyflow.orphans import ServiceId, Survey
from skyflow.records import Record
from skyflow.state import EndpointSet

Argument = TypeVar("Argument", bound=Record)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Activity(Generic[Argument, Result]):
    """One activity: its name, types, queue, limits and how it is retried.

    Kept in one table because an activity with a heartbeat but no heartbeat timeout, or the other
    way round, fails only in production.
    """

    name: str
    argument: type[Argument]
    result: type[Result]
    queue: str | None
    """Task queue; None when the caller names it (balancers)."""
    start_to_close: timedelta
    schedule_to_start: timedelta | None = None
    heartbeat: timedelta | None = None
    attempts: int = 0
    """Number of attempts; 0 for no limit."""
    first_interval: timedelta = timedelta(seconds=1)
    longest_interval: timedelta = timedelta(seconds=10)
    fatal: tuple[str, ...] = ()
    """Names of the errors that another attempt cannot mend."""
    wait_for_cancellation: bool = True
    """Whether a cancel waits until the activity has really ended."""


_HEARTBEAT = timedelta(seconds=15)
"""A cancellation arrives with the answer to a heartbeat, and people wait for operations."""
_SHORT = timedelta(seconds=15)
"""Limit of what needs no heartbeat: a worker that died is noticed as soon."""
_WATCH_HEARTBEAT = timedelta(seconds=30)
"""Thousands of watches are open at once: each heartbeat costs the server a write."""
_UNMENDABLE = (
    "CommandFailed",
    "HostKeyMismatch",
    "MachineGone",
    "StorageError",
    "UsageError",
)
_REFUSALS = ("NoCapacity", "QuotaExceeded", "CredentialsError", "InvalidRequest", "InvalidImage")

LEFT_NOTHING = "left nothing"
"""Detail of the error of a refused launch after which there is nothing to end."""

TRIES_AT_THE_END = 4
"""Attempts, within some ten seconds, after which a workflow says what cannot be removed. It goes on
trying: what is left would cost money or space for ever."""

RESERVE_ENDPOINT = Activity("reserve_endpoint", SlotRequest, Slot, OPERATIONS_QUEUE, _SHORT)
RELEASE_ENDPOINT = Activity("release_endpoint", SlotRelease, bool, OPERATIONS_QUEUE, _SHORT)
FIND_OFFERS = Activity(
    "find_offers",
    OfferQuery,
    Offers,
    OPERATIONS_QUEUE,
    timedelta(minutes=2),
    heartbeat=_HEARTBEAT,
    attempts=3,
)
LAUNCH_MACHINE = Activity(
    "launch_machine",
    MachineRequest,
    Machine,
    OPERATIONS_QUEUE,
    timedelta(minutes=20),
    heartbeat=_HEARTBEAT,
    attempts=3,
    fatal=_REFUSALS,
)
PREPARE_REPLICA = Activity(
    "prepare_replica",
    ReplicaTask,
    bool,
    OPERATIONS_QUEUE,
    timedelta(hours=24),
    heartbeat=_HEARTBEAT,
    attempts=3,
    fatal=_UNMENDABLE,
)
START_REPLICA = Activity(
    "start_replica",
    ReplicaTask,
    bool,
    OPERATIONS_QUEUE,
    timedelta(minutes=5),
    heartbeat=_HEARTBEAT,
    attempts=3,
    fatal=_UNMENDABLE,
)
WATCH_REPLICA = Activity(
    "watch_replica",
    WatchRequest,
    WatchResult,
    WATCH_QUEUE,
    timedelta(hours=8),
    heartbeat=_WATCH_HEARTBEAT,
    wait_for_cancellation=False,
)
WATCH_LOAD = Activity(
    "watch_load",
    LoadWatchRequest,
    LoadWatchResult,
    WATCH_QUEUE,
    timedelta(hours=8),
    heartbeat=_WATCH_HEARTBEAT,
)
TEARDOWN_REPLICA = Activity(
    "teardown_replica",
    TeardownRequest,
    bool,
    OPERATIONS_QUEUE,
    timedelta(minutes=10),
    heartbeat=_HEARTBEAT,
    attempts=TRIES_AT_THE_END,
)
APPLY_ENDPOINTS = Activity(
    "apply_endpoints",
    EndpointSet,
    EndpointsApplied,
    None,
    timedelta(seconds=5),
    schedule_to_start=timedelta(seconds=10),
    attempts=3,
    fatal=("PortUnavailable",),
)
DRAIN_REPLICA = Activity(
    "drain_replica",
    DrainRequest,
    DrainResult,
    None,
    timedelta(hours=24),
    schedule_to_start=timedelta(seconds=10),
    heartbeat=_HEARTBEAT,
    attempts=3,
)
REMOVE_SERVICE_FILES = Activity(
    "remove_service_files",
    ServiceReference,
    bool,
    OPERATIONS_QUEUE,
    timedelta(minutes=5),
    heartbeat=_HEARTBEAT,
    attempts=TRIES_AT_THE_END,
)
SURVEY_INSTALLATION = Activity(
    "survey_installation",
    SurveyRequest,
    Survey,
    OPERATIONS_QUEUE,
    timedelta(minutes=10),
    heartbeat=_HEARTBEAT,
    attempts=3,
)
RECALL_SERVICE = Activity(
    "recall_service", ServiceId, EndedService, OPERATIONS_QUEUE, _SHORT, attempts=3
)

ACTIVITIES = (
    RESERVE_ENDPOINT,
    RELEASE_ENDPOINT,
    FIND_OFFERS,
    LAUNCH_MACHINE,
    PREPARE_REPLICA,
    START_REPLICA,
    WATCH_REPLICA,
    WATCH_LOAD,
    TEARDOWN_REPLICA,
    APPLY_ENDPOINTS,
    DRAIN_REPLICA,
    REMOVE_SERVICE_FILES,
    SURVEY_INSTALLATION,
    RECALL_SERVICE,
)

"""The outside world of the workflows under test: activities that do as they are told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from temporalio import activity
from temporalio.exceptions import ApplicationError

from skyflow.autoscaling.progress import LoadProgress
from skyflow.clouds.base import Machine, MachineRequest
from skyflow.contracts import (
    LEFT_NOTHING,
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
    Slot,
    SlotRelease,
    SlotRequest,
    SurveyRequest,
    TeardownRequest,
    WatchRequest,
    WatchResult,
)
from skyflow.orphans import ServiceId, Survey
from skyflow.placement.offers import Offer, Place
from skyflow.state import EndpointSet, ReplicaPhase


def offer(zone: str = "a", price: float = 1.0) -> Offer:
    """Return an offer in a zone of a made-up cloud."""
    place = Place(cloud="fake", region="r", zone=zone, instance_type="small")
    return Offer(place=place, hourly_price=price, cpus=2, memory_gib=4)


class World:
    """Machines, replicas and balancers as dictionaries."""

    def __init__(self) -> None:
        self.offers = [offer()]
        self.more_offers = 0
        """Offers that there are beside those that are told."""
        self.offers_gate: asyncio.Event = asyncio.Event()
        self.offers_gate.set()
        self.looking = 0
        self.machines: dict[str, MachineRequest] = {}
        self.ledger: list[tuple[str, str]] = []
        self.launch_errors: dict[str, str] = {}
        """Kind of refusal by zone."""
        self.refused_nodes: set[int] | None = None
        """Nodes that are refused; all if None."""
        self.launch_gate: asyncio.Event = asyncio.Event()
        self.launch_gate.set()
        self.launching = 0
        self.teardown_gate: asyncio.Event = asyncio.Event()
        self.teardown_gate.set()
        self.tearing_down = 0
        self.teardown_error: str | None = None
        self.setup_error: str | None = None
        self.setup_error_kind = "CommandFailed"
        self.reports: dict[int, asyncio.Queue[WatchResult]] = defaultdict(asyncio.Queue)
        self.watchers: dict[int, str | None] = {}
        """The run that watches each replica: the watch of the one before may still be ending."""
        self.becomes_ready = True
        self.load_watches: list[LoadWatchRequest] = []
        """Each watch of the load that was begun."""
        self.load_seen: LoadProgress | None = None
        """What watches of the load tell while they last."""
        self.loads: list[LoadWatchResult] = []
        """What watches of the load end with, one after the other."""
        self.applied: list[EndpointSet] = []
        self.port_errors: set[int] = set()
        self.balancers: tuple[str, ...] = ("main",)
        self.released: list[str] = []
        self.removed: list[str] = []
        self.drained: list[int] = []
        self.drain_gate: asyncio.Event = asyncio.Event()
        self.drain_gate.set()
        self.surveys: list[Survey] = []
        """What is seen, look by look."""
        self.recalled: list[ServiceId] = []
        self.noted_ports: list[int] = []

    @property
    def activities(self) -> Sequence[Callable[..., object]]:
        return [
            self.find_offers,
            self.launch_machine,
            self.prepare_replica,
            self.start_replica,
            self.watch_replica,
            self.teardown_replica,
            self.reserve_endpoint,
            self.release_endpoint,
            self.remove_service_files,
            self.survey_installation,
            self.recall_service,
        ]

    @property
    def watches(self) -> Sequence[Callable[..., object]]:
        return [self.watch_replica, self.watch_load]

    @property
    def balancer_activities(self) -> Sequence[Callable[..., object]]:
        return [self.apply_endpoints, self.drain_replica]

    def request(self, name: str) -> MachineRequest:
        """Return a request for a machine of that name."""
        return MachineRequest(name=name, place=self.offers[0].place, port=8080)

    def serving(self) -> list[int]:
        """Return the replicas that the balancer sends requests to."""
        return [e.replica_id for e in self.applied[-1].endpoints] if self.applied else []

    def say(self, replica_id: int, phase: ReplicaPhase, reason: str = "") -> None:
        """Let the watch of a replica end with a phase."""
        self.reports[replica_id].put_nowait(WatchResult(phase=phase, reason=reason))

    def warn(self, replica_id: int, notice: str) -> None:
        """Let the watch of a replica end with an interruption notice."""
        self.reports[replica_id].put_nowait(WatchResult(phase=None, notice=notice))

    @activity.defn
    async def reserve_endpoint(self, request: SlotRequest) -> Slot:
        if request.port is not None:
            self.noted_ports.append(request.port)
        port = next(p for p in range(30001, 30100) if p not in request.refused_ports)
        return Slot(port=port, balancers=self.balancers)

    @activity.defn
    async def release_endpoint(self, release: SlotRelease) -> bool:
        self.released.append(release.service)
        return True

    @activity.defn
    async def find_offers(self, query: OfferQuery) -> Offers:
        self.looking += 1
        await self.offers_gate.wait()
        self.looking -= 1
        return Offers(offers=tuple(self.offers), more=self.more_offers)

    @activity.defn
    async def launch_machine(self, request: MachineRequest) -> Machine:
        self.launching += 1
        try:
            while not self.launch_gate.is_set():
                activity.heartbeat()
                await asyncio.sleep(0.02)
        finally:
            self.launching -= 1
        kind = self.launch_errors.get(request.place.zone)
        node = int(request.name.split("-")[-2])
        if kind and (self.refused_nodes is None or node in self.refused_nodes):
            raise ApplicationError("refused", LEFT_NOTHING, type=kind, non_retryable=True)
        self.machines[request.name] = request
        self.ledger.append(("create", request.name))
        return Machine(
            name=request.name,
            place=request.place,
            address="127.0.0.1",
            ssh_user="nobody",
            internal_address="127.0.0.1",
            replica_port=request.port,
        )

    @activity.defn
    async def prepare_replica(self, task: ReplicaTask) -> bool:
        if self.setup_error:
            raise ApplicationError(self.setup_error, type=self.setup_error_kind, non_retryable=True)
        return True

    @activity.defn
    async def start_replica(self, task: ReplicaTask) -> bool:
        return True

    @activity.defn
    async def watch_replica(self, request: WatchRequest) -> WatchResult:
        if request.deadline is not None and self.becomes_ready:
            return WatchResult(phase=ReplicaPhase.READY)
        replica_id, watch = request.replica.replica_id, activity.info().workflow_run_id
        self.watchers[replica_id] = watch
        queue = self.reports[replica_id]
        while queue.empty() or self.watchers[replica_id] != watch:
            activity.heartbeat()
            await asyncio.sleep(0.02)
        return queue.get_nowait()

    @activity.defn
    async def watch_load(self, request: LoadWatchRequest) -> LoadWatchResult:
        self.load_watches.append(request)
        try:
            while not self.loads:
                activity.heartbeat(*([self.load_seen] if self.load_seen else []))
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            return LoadWatchResult(
                target=request.fleet.target, bounds=request.bounds, progress=request.progress
            )
        return self.loads.pop(0)

    @activity.defn
    async def teardown_replica(self, request: TeardownRequest) -> bool:
        if self.teardown_error:
            raise ApplicationError(self.teardown_error, type="CloudError", non_retryable=True)
        self.tearing_down += 1
        try:
            while not self.teardown_gate.is_set():
                activity.heartbeat()
                await asyncio.sleep(0.02)
        finally:
            self.tearing_down -= 1
        for name in request.names:
            if self.machines.pop(name, None):
                self.ledger.append(("delete", name))
        return True

    @activity.defn
    async def apply_endpoints(self, endpoints: EndpointSet) -> EndpointsApplied:
        if endpoints.port in self.port_errors:
            raise ApplicationError("in use", type="PortUnavailable", non_retryable=True)
        self.applied.append(endpoints)
        return EndpointsApplied(generation=endpoints.generation)

    @activity.defn
    async def drain_replica(self, request: DrainRequest) -> DrainResult:
        self.drained.append(request.replica_id)
        while not self.drain_gate.is_set():
            activity.heartbeat()
            await asyncio.sleep(0.02)
        return DrainResult(remaining=0)

    @activity.defn
    async def remove_service_files(self, reference: ServiceReference) -> bool:
        self.removed.append(reference.incarnation)
        return True

    @activity.defn
    async def survey_installation(self, request: SurveyRequest) -> Survey:
        return self.surveys.pop(0)

    @activity.defn
    async def recall_service(self, service: ServiceId) -> EndedService:
        self.recalled.append(service)
        return EndedService(**service.model_dump(), started_at=0, port=30001)

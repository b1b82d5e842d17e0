"""One run: deploy, strike, see it come back, take it down, and look for anything wrong."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from skyflow.client import Skyflow
from skyflow.contracts import WORKFLOW_QUEUE, Message, ReaperRequest, WorkflowName
from skyflow.errors import ControllerUnavailable, ServiceNotFound
from skyflow.naming import (
    INSTALLATION_WORKFLOW_ID,
    REAPER_ID,
    machine_prefix,
    replica_workflow_id,
    service_directory,
    service_workflow_id,
)
from skyflow.spec import load_task
from skyflow.state import EndpointSet, ReplicaPhase, ReplicaRecord, ServicePhase, ServiceStatus
from tests.faults.histories import Record, read_record
from tests.faults.ledger_check import ledger_problems
from tests.faults.leftovers import leftovers
from tests.faults.points import Stage
from tests.faults.prober import Outage, Prober, Serving, inexcusable
from tests.faults.scenario import Loss, Scenario, Target
from tests.faults.stack import Stack
from tests.waiting import eventually

BACK_SECONDS = 90.0
"""Longest time until two replicas are ready again after a fault, and to take a service down."""
GONE_SECONDS = 180.0
"""Longest time to clear away what a terminated service left: time-outs of faults add up in one run
of the reaper, which has an hour."""
STRIKE_SECONDS = 10.0
"""Longest wait for a fault that has not struck when the work of its stage is done."""
SETTLE_SECONDS = 0.5
"""What a process that was frozen to the end gets to do harm once it goes on."""
LEFT_SECONDS = 5.0
"""Longest wait until the last of a service has gone from the balancer."""
LOOK_SECONDS = 0.2
FIRST_PORT = 30001

Answer = TypeVar("Answer")


@dataclass
class Outcome:
    """How a run ended."""

    scenario: Scenario
    problems: list[str] = field(default_factory=list)
    reached: Counter[str] = field(default_factory=Counter)
    """How often each point was reached."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time that each stage took."""
    record: Record = field(default_factory=Record)


async def run(stack: Stack, scenario: Scenario) -> Outcome:
    """Carry out a run; whatever goes wrong is in the outcome."""
    one = Run(stack, scenario)
    try:
        await one.carry_out()
    except Exception as error:
        one.outcome.problems.insert(0, f"{type(error).__name__}: {error}")
        with suppress(Exception):
            await one.read_record()
    finally:
        stack.director.arm(())
        await stack.thaw()
        await one.prober.stop()
    return one.outcome


class Run:
    """The steps of a run."""

    def __init__(self, stack: Stack, scenario: Scenario) -> None:
        self.outcome = Outcome(scenario)
        self.prober = Prober(stack.bind, 0)
        self._stack = stack
        self._scenario = scenario
        self._service = f"s{scenario.seed}-{random.randrange(16**4):04x}"
        self._incarnation = ""
        self._interfaces: set[str] = set()

    async def carry_out(self) -> None:
        stack = self._stack
        stack.chance = random.Random(self._scenario.seed)
        stack.strikes.clear()
        stack.losses.clear()
        stack.director.reached = self.outcome.reached
        with _stranger(stack.bind) if self._scenario.port_taken else nullcontext():
            for stage in self._scenario.stages:
                began = time.monotonic()
                stack.director.arm([f for f in self._scenario.faults if f.stage is stage])
                await self._STEPS[stage](self)
                await self._all_struck()
                if stage not in (Stage.DOWN, Stage.ABANDON):
                    await self._until_back()
                if await stack.thaw():
                    await asyncio.sleep(SETTLE_SECONDS)
                self.outcome.seconds[stage] = round(time.monotonic() - began, 1)
        await self._check()

    async def _deploy(self) -> None:
        task = await asyncio.to_thread(load_task, self._stack.home / "service.yaml")
        await _repeated(lambda sdk: sdk.up(task, self._service), self._stack)
        await self._until_back()
        endpoints = await self._endpoints()
        assert endpoints
        self._incarnation = endpoints.incarnation
        self.prober = Prober(self._stack.bind, endpoints.port)
        self.prober.start()

    async def _replace(self) -> None:
        victim = self._stack.chance.choice(await self._ready())
        name = victim.nodes[0].name
        if self._scenario.loss is Loss.SERVER:
            await self._stack.lose_server(name)
        else:
            await self._stack.lose_machine(name)
        await self._until_back(without=victim.replica_id)

    async def _scale(self) -> None:
        await _repeated(lambda sdk: sdk.scale(self._service, 3), self._stack)
        await self._until_back(3)
        async with self._slow_requests(3):
            await _repeated(lambda sdk: sdk.scale(self._service, 2), self._stack)
            await self._until_back()

    async def _checkpoint(self) -> None:
        replicas = [
            replica_workflow_id(self._service, self._incarnation, record.replica_id)
            for record in await self._ready()
        ]
        await asyncio.gather(
            *(
                self._continue_as_new(name)
                for name in (
                    INSTALLATION_WORKFLOW_ID,
                    service_workflow_id(self._service),
                    *replicas,
                )
            )
        )

    async def _down(self) -> None:
        async with self._slow_requests(2):
            await self.prober.stop()
            handle = self._stack.client.get_workflow_handle(service_workflow_id(self._service))
            with suppress(ServiceNotFound):
                async with asyncio.timeout(BACK_SECONDS):
                    await _repeated(lambda sdk: sdk.down(self._service), self._stack)
            assert (await handle.describe()).status.name == "COMPLETED"  # type: ignore[union-attr]

    async def _reap(self) -> None:
        service = service_workflow_id(self._service)
        await self._continue_as_new(service)  # or it would notice the end of a child by itself
        victim = self._stack.chance.choice(await self._ready())
        name = replica_workflow_id(self._service, self._incarnation, victim.replica_id)
        await self._stack.client.get_workflow_handle(name).terminate()
        await self._run_reaper()
        await self._until_back(without=victim.replica_id)

    async def _abandon(self) -> None:
        """Terminate the service; an hour later nothing is to be left of it."""
        await self.prober.stop()
        async with self._slow_requests(2):
            handle = self._stack.client.get_workflow_handle(service_workflow_id(self._service))
            await handle.terminate()
            self._age_files()

            async def all_gone() -> bool:
                await self._run_reaper()
                return not await self._left()

            what = "nothing is left of a service that was terminated"
            await _until(all_gone, what, GONE_SECONDS)

    async def _run_reaper(self) -> None:
        """Do at once what the schedule does every few minutes."""
        await self._stack.client.execute_workflow(
            WorkflowName.REAPER,
            ReaperRequest(grace_seconds=1),
            id=f"{REAPER_ID}-{self._service}",
            task_queue=WORKFLOW_QUEUE,
        )

    def _age_files(self) -> None:
        directory = self._stack.settings.store / service_directory(self._incarnation)
        for path in (directory, *directory.rglob("*")):
            os.utime(path, (0, 0))

    _STEPS: ClassVar = {
        Stage.DEPLOY: _deploy,
        Stage.REPLACE: _replace,
        Stage.SCALE: _scale,
        Stage.CHECKPOINT: _checkpoint,
        Stage.REAP: _reap,
        Stage.DOWN: _down,
        Stage.ABANDON: _abandon,
    }

    async def _until_back(self, count: int = 2, without: int | None = None) -> None:
        """Wait until so many replicas are ready, and the balancer has those and no others."""

        async def is_back() -> bool:
            endpoints = await self._endpoints()
            served = {e.replica_id for e in endpoints.endpoints} if endpoints else set[int]()
            if len(served) != count or without in served:
                return False
            status = await self._status()
            if status is None or status.phase is not ServicePhase.READY:
                return False
            return served == {r.replica_id for r in _ready(status)}

        await _until(is_back, f"{count} replicas are ready and served")
        self._note_interfaces()

    async def _all_struck(self) -> None:
        director = self._stack.director
        with suppress(AssertionError):
            await eventually(lambda: not director.unfired, STRIKE_SECONDS)
        for fault in director.unfired:
            self.outcome.problems.append(f"never came to: {fault}")

    async def _continue_as_new(self, workflow_id: str) -> None:
        """Have a workflow continue as new; one that ends instead is none of ours."""
        handle = self._stack.client.get_workflow_handle(workflow_id)
        before = (await handle.describe()).run_id
        await handle.signal(Message.CHECKPOINT)

        async def continued() -> bool:
            now = await handle.describe()
            return now.run_id != before or now.close_time is not None

        await _until(continued, f"{workflow_id} continues as new")

    @asynccontextmanager
    async def _slow_requests(self, count: int) -> AsyncIterator[None]:
        """Have requests in flight that are to be answered, whatever is stopped meanwhile."""
        slow = [asyncio.create_task(self.prober.ask("/slow")) for _ in range(count)]
        await asyncio.sleep(LOOK_SECONDS)
        try:
            yield
        finally:
            await asyncio.gather(*slow)

    async def _endpoints(self) -> EndpointSet | None:
        with suppress(ControllerUnavailable):
            sets = (await self._stack.data_plane.endpoint_sets()).sets
            return next((s for s in sets if s.service == self._service), None)
        return None

    async def _status(self) -> ServiceStatus | None:
        with suppress(ControllerUnavailable):
            view = await self._stack.sdk.find(self._service)
            return view.status if view and not view.stale else None
        return None

    async def _ready(self) -> list[ReplicaRecord]:
        status = await _until(self._status, "the service says how it is")
        assert status
        return _ready(status)

    def _note_interfaces(self) -> None:
        cloud = self._stack.local
        for path in cloud.ledger.path.parent.glob("skyflow-*"):
            directory = cloud.directory(path.name)
            contact = directory.contact if directory else None
            if contact and contact.interface:
                self._interfaces.add(contact.interface)

    async def read_record(self) -> Record:
        stack = self._stack
        self.outcome.record = await read_record(
            stack.client, stack.installation, self._service, self._incarnation
        )
        return self.outcome.record

    async def _check(self) -> None:
        stack = self._stack
        record = await self.read_record()
        prefix = f"{machine_prefix(stack.installation)}{self._incarnation}-"
        ledger = [line for line in stack.cloud.ledger.read() if line.name.startswith(prefix)]
        self.outcome.problems += ledger_problems(ledger, record.wanted)
        self.outcome.problems += [
            f"request failed: {failure}"
            for failure in inexcusable(
                self.prober.failures, self._serving(record.serving), self._outages()
            )
        ]

        async def nothing_left() -> bool:
            return not await self._left()

        with suppress(AssertionError):
            await eventually(nothing_left, LEFT_SECONDS)
        self.outcome.problems += [f"left over: {each}" for each in await self._left()]

    async def _left(self) -> list[str]:
        found = leftovers(self._stack, self._service, self._incarnation, self._interfaces)
        return [each async for each in found]

    def _serving(self, serving: list[Serving]) -> list[Serving]:
        """Return when each replica was served and lived: what was taken away did not end itself."""
        lost = {int(name.split("-")[3]): at for name, at in self._stack.losses.items()}
        return [
            Serving(s.replica_id, s.since, min(s.until, lost.get(s.replica_id, s.until)))
            for s in serving
        ]

    def _outages(self) -> list[Outage]:
        """Return from each strike at the balancer until it answered a new request well."""
        struck = [each for each in self._stack.strikes if each.target is Target.DATA]
        good = self.prober.answers
        return [
            Outage(each.began, next((began for began in good if began > each.ended), time.time()))
            for each in struck
        ]


def _ready(status: ServiceStatus) -> list[ReplicaRecord]:
    return [r for r in status.replicas if r.live and r.phase is ReplicaPhase.READY]


async def _until(
    condition: Callable[[], Awaitable[Answer]], what: str, seconds: float = BACK_SECONDS
) -> Answer:
    """Return the first true value of a condition, looking now and then."""
    deadline = time.monotonic() + seconds
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(LOOK_SECONDS)
    return value


async def _repeated(command: Callable[[Skyflow], Awaitable[Answer]], stack: Stack) -> Answer:
    """Do what a user does whose command says that nobody answers: the same again."""
    deadline = time.monotonic() + BACK_SECONDS
    while True:
        try:
            return await command(stack.sdk)
        except ControllerUnavailable:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(LOOK_SECONDS)


def _stranger(address: str) -> socket.socket:
    """Listen on the first endpoint port, as some other program may."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, FIRST_PORT))
    listener.listen()
    return listener

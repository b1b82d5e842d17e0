"""One run: deploy, strike, see it come back, take it down, and look for anything wrong."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from skyflow.naming import machine_prefix
from tests.faults.histories import Record, read_record
from tests.faults.ledger_check import ledger_problems
from tests.faults.points import Stage
from tests.faults.prober import Outage, Serving, inexcusable
from tests.faults.scenario import Scenario, Target
from tests.faults.service import Service
from tests.faults.stack import Stack
from tests.faults.stages import Stages
from tests.waiting import eventually

STRIKE_SECONDS = 10.0
"""Longest wait for a fault that has not struck when the work of its stage is done."""
SETTLE_SECONDS = 0.5
"""What a process that was frozen to the end gets to do harm once it goes on."""
LEFT_SECONDS = 5.0
"""Longest wait until the last of a service has gone from the balancer."""
FIRST_PORT = 30001


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
    outcome = Outcome(scenario)
    stack.begin(scenario.seed, outcome.reached)
    service = Service(stack, f"s{scenario.seed}-{random.randrange(16**4):04x}")
    stages = Stages(service, scenario.loss)
    try:
        with _stranger(stack.bind, scenario.port_taken):
            for stage in scenario.stages:
                await _carry_out(stage, stages, service, outcome)
        await _read_record(service, outcome)
        outcome.problems += _problems(service, stages, outcome)
        outcome.problems += await _leftovers(service)
    except Exception as error:
        outcome.problems.insert(0, f"{type(error).__name__}: {error}")
        with suppress(Exception):
            await _read_record(service, outcome)
    finally:
        stack.director.arm(())
        await stack.thaw()
        await stages.prober.stop()
    return outcome


async def _carry_out(stage: Stage, stages: Stages, service: Service, outcome: Outcome) -> None:
    began = time.monotonic()
    director = service.stack.director
    director.arm([fault for fault in outcome.scenario.faults if fault.stage is stage])
    await stages.carry_out(stage)
    with suppress(AssertionError):
        await eventually(lambda: not director.unfired, STRIKE_SECONDS)
    outcome.problems += [f"never came to: {fault}" for fault in director.missed]
    if stage not in (Stage.DOWN, Stage.ABANDON):
        await service.until_back()
    if await service.stack.thaw():
        await asyncio.sleep(SETTLE_SECONDS)
    outcome.seconds[stage] = round(time.monotonic() - began, 1)


async def _read_record(service: Service, outcome: Outcome) -> None:
    stack = service.stack
    incarnation = service.incarnation
    if not incarnation:
        endpoints = await service.endpoints()
        incarnation = endpoints.incarnation if endpoints else ""
    outcome.record = await read_record(stack.client, stack.installation, service.name, incarnation)


def _problems(service: Service, stages: Stages, outcome: Outcome) -> Iterator[str]:
    """Yield what went wrong on the way, by ledger, histories and answers."""
    stack, record = service.stack, outcome.record
    prefix = f"{machine_prefix(stack.installation)}{service.incarnation}-"
    ledger = [line for line in stack.cloud.ledger.read() if line.name.startswith(prefix)]
    yield from ledger_problems(ledger, record.wanted)
    answers = stages.prober.answers
    serving, outages = _alive(record.serving, stack), list(_outages(stack, answers))
    losses = [*stack.losses.values()]
    for failure in inexcusable(stages.prober.failures, serving, outages, losses):
        yield f"request failed: {failure}"


async def _leftovers(service: Service) -> list[str]:
    async def nothing_left() -> bool:
        return not await service.left()

    with suppress(AssertionError):
        await eventually(nothing_left, LEFT_SECONDS)
    return [f"left over: {each}" for each in await service.left()]


def _alive(serving: list[Serving], stack: Stack) -> list[Serving]:
    """Return when each replica was served and lived: some of them we took away ourselves."""
    lost = {int(name.split("-")[3]): at for name, at in stack.losses.items()}
    return [
        Serving(s.replica_id, s.since, min(s.until, lost.get(s.replica_id, s.until)))
        for s in serving
    ]


def _outages(stack: Stack, answers: list[float]) -> Iterator[Outage]:
    """Yield from each strike at the balancer until it answered a new request well."""
    for strike in stack.strikes:
        if strike.target is Target.DATA:
            back = next((began for began in answers if began > strike.ended), time.time())
            yield Outage(strike.began, back)


@contextmanager
def _stranger(address: str, wanted: bool) -> Iterator[None]:
    """Listen on the first endpoint port, as some other program may."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if wanted:
            with suppress(OSError):  # another program does so already
                listener.bind((address, FIRST_PORT))
                listener.listen()
        yield

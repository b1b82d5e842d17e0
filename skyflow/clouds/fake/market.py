"""What happens at a fake cloud: pure decisions on its state, script and the time."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from skyflow.clouds.base import MachineRequest
from skyflow.clouds.fake.script import FailureKind, FailureRule, FakePlace, Script
from skyflow.errors import (
    CloudError,
    CredentialsError,
    InvalidRequest,
    NoCapacity,
    QuotaExceeded,
)
from skyflow.placement.offers import Place

_ERRORS: dict[FailureKind, type[CloudError]] = {
    "capacity": NoCapacity,
    "quota": QuotaExceeded,
    "credentials": CredentialsError,
    "invalid": InvalidRequest,
    "transient": CloudError,
    "lost": CloudError,
}


class FakeMachine(BaseModel):
    """A machine of a fake cloud."""

    place: Place
    request: MachineRequest | None = None
    """What it was made for: image, disk, labels."""
    created_at: float
    ready_at: float
    made: bool = False
    """Whether it has been started as far as the script's `machines` asks for."""
    preempted: bool = False
    gone: bool = False
    """Whether nothing of it runs any more since it was preempted."""
    preempt_at: float | None = None
    notice: str | None = None


class FakeState(BaseModel):
    """Everything that a fake cloud remembers. Times are Unix times in seconds."""

    started_at: float
    machines: dict[str, FakeMachine] = Field(default_factory=dict)
    ended: list[str] = Field(default_factory=list)
    """Names that may not be launched again."""
    failures_used: dict[str, int] = Field(default_factory=dict)
    preemptions_done: list[str] = Field(default_factory=list)


def advance(state: FakeState, script: Script, now: float) -> Sequence[str]:
    """Let happen what is due; return the names of machines that were taken away by it."""
    for index, each in enumerate(script.places):
        _announce_preemptions(state, each, index, now)
        _shrink(state, each, now)
    due = [
        name
        for name, machine in _live(state).items()
        if machine.preempt_at is not None and machine.preempt_at <= now
    ]
    for name in due:
        state.machines[name].preempted = True
    return due


def admit(state: FakeState, script: Script, request: MachineRequest, now: float) -> bool:
    """Make a machine, or find it; return whether the answer to its request is lost.

    Raises:
        CloudError: The script, or what happened to the machine, does not let it.

    """
    if request.name in state.ended:
        raise InvalidRequest(f"machine {request.name} was terminated", "launch one with a new name")
    found = state.machines.get(request.name)
    if found is not None:
        if found.preempted:
            raise CloudError(f"machine {request.name} was preempted")
        return False
    entry = script.find(request.place)
    if entry is None:
        raise InvalidRequest(f"the fake cloud has no place {request.place}")
    failure = _take_failure(state, entry, script.places.index(entry), now)
    if failure is not None and failure.kind != "lost":
        raise _error(failure, request.place)
    capacity = entry.capacity_at(now - state.started_at)
    if capacity is not None and len(_live(state, request.place)) >= capacity:
        raise NoCapacity(f"no capacity at {request.place}: {capacity} machines at most")
    state.machines[request.name] = FakeMachine(
        place=request.place,
        request=request,
        created_at=now,
        ready_at=now + entry.launch_seconds,
    )
    return failure is not None


def lost_answer(request: MachineRequest) -> CloudError:
    """Return the error of a request whose answer was lost."""
    return CloudError(f"the answer to the launch of {request.name} was lost")


def _live(state: FakeState, place: Place | None = None) -> dict[str, FakeMachine]:
    return {
        name: machine
        for name, machine in state.machines.items()
        if not machine.preempted and place in (None, machine.place)
    }


def _announce_preemptions(state: FakeState, entry: FakePlace, index: int, now: float) -> None:
    for number, preemption in enumerate(entry.preemptions):
        key = f"{index}/{number}"
        at = state.started_at + preemption.at
        if key in state.preemptions_done or now < at - preemption.notice_seconds:
            continue
        state.preemptions_done.append(key)
        untouched = [each for each in _live(state, entry.place).values() if not each.preempt_at]
        for machine in untouched[: preemption.machines]:
            machine.preempt_at = at
            if preemption.notice_seconds:
                machine.notice = f"preemption at {at:.3f}"


def _shrink(state: FakeState, entry: FakePlace, now: float) -> None:
    capacity = entry.capacity_at(now - state.started_at)
    if capacity is None or not entry.use_spot:
        return
    for machine in list(_live(state, entry.place).values())[capacity:]:
        machine.preempt_at = now


def _take_failure(state: FakeState, entry: FakePlace, index: int, now: float) -> FailureRule | None:
    elapsed = now - state.started_at
    for number, rule in enumerate(entry.failures):
        key = f"{index}/{number}"
        used = state.failures_used.get(key, 0)
        in_time = rule.since <= elapsed and (rule.until is None or elapsed < rule.until)
        if in_time and (rule.times is None or used < rule.times):
            state.failures_used[key] = used + 1
            return rule
    return None


def _error(failure: FailureRule, place: Place) -> CloudError:
    message = failure.message or f"the script refuses launches at {place} ({failure.kind})"
    return _ERRORS[failure.kind](message)

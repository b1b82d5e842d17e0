from __future__ import annotations

from typing import Any

import pytest

from skyflow.clouds.base import MachineRequest
from skyflow.clouds.fake.market import FakeState, admit, advance
from skyflow.clouds.fake.script import FakePlace, Script
from skyflow.errors import CloudError, NoCapacity
from skyflow.placement.offers import Place

START = 1_000_000.0


def test_preemption_comes_at_its_time_and_its_notice_before() -> None:
    script = script_of(preemptions=[{"at": 60, "notice_seconds": 20}])
    state = state_with(script, "first", "second")
    assert advance(state, script, START + 39) == []
    assert state.machines["first"].notice is None
    assert advance(state, script, START + 40) == []
    assert state.machines["first"].notice == f"preemption at {START + 60:.3f}"
    assert advance(state, script, START + 60) == ["first"]
    assert advance(state, script, START + 61) == []


def test_preemptions_that_became_due_together_take_different_machines() -> None:
    script = script_of(preemptions=[{"at": 5}, {"at": 6, "machines": 2}])
    state = state_with(script, "first", "second", "third", "fourth")
    assert advance(state, script, START + 100) == ["first", "second", "third"]


@pytest.mark.parametrize(("after", "fits"), [(0, 0), (10, 2), (29, 2), (30, 1)])
def test_capacity_follows_its_steps(after: float, fits: int) -> None:
    steps = [{"at": 10, "machines": 2}, {"at": 30, "machines": 1}]
    script = script_of(capacity=steps)
    state = FakeState(started_at=START)
    for number in range(fits):
        admit(state, script, request(f"machine-{number}"), START + after)
    with pytest.raises(NoCapacity):
        admit(state, script, request("one-too-many"), START + after)


def test_shrinking_capacity_leaves_on_demand_machines_alone() -> None:
    script = script_of(capacity=[{"at": 0, "machines": 2}, {"at": 10, "machines": 0}])
    state = state_with(script, "first", "second")
    assert advance(state, script, START + 10) == []


def test_failures_happen_in_their_time_and_number() -> None:
    script = script_of(failures=[{"kind": "transient", "since": 10, "until": 20, "times": 1}])
    state = FakeState(started_at=START)
    admit(state, script, request("before"), START + 9)
    with pytest.raises(CloudError):
        admit(state, script, request("within"), START + 10)
    admit(state, script, request("within"), START + 11)
    admit(state, script, request("after"), START + 20)


def script_of(**place: Any) -> Script:
    entry = {"region": "r1", "zone": "r1-a", "hourly_price": 1, **place}
    return Script(places=(FakePlace.model_validate(entry),))


def state_with(script: Script, *names: str) -> FakeState:
    state = FakeState(started_at=START)
    for name in names:
        admit(state, script, request(name), START)
    return state


def request(name: str) -> MachineRequest:
    place = Place(cloud="fake", region="r1", zone="r1-a", instance_type="small")
    return MachineRequest(name=name, place=place, port=8080)

"""The number of replicas follows what the watch of the load says, until it is set by hand."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowUpdateFailedError

from skyflow.autoscaling.decision import Explanation, Rule
from skyflow.autoscaling.progress import LoadProgress
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds
from skyflow.contracts import LoadWatchResult, Message
from skyflow.state import ReplicaPhase, ServicePhase
from tests.waiting import eventually
from tests.workflows.harness import Controller, version

BOUNDS = Bounds(least=0, most=4)
SETTINGS = AutoscalingSettings(bounds=BOUNDS, ongoing=8)


def says(target: int, bounds: Bounds = BOUNDS, **in_flight: int) -> LoadWatchResult:
    """Return the end of a watch that wants another number of replicas."""
    why = Explanation(previous=0, target=target, rule=Rule.PANIC, bounds=bounds)
    return LoadWatchResult(
        target=target,
        bounds=bounds,
        in_flight={int(name.removeprefix("r")): count for name, count in in_flight.items()},
        progress=LoadProgress(seen_at=float(target), explanation=why),
    )


async def deployed(controller: Controller, replicas: int = 1) -> None:
    await controller.apply(version(replicas=replicas, autoscaling=SETTINGS))
    await controller.until_serving(*range(1, replicas + 1))
    await eventually(lambda: controller.world.load_watches)


async def test_replicas_follow_the_load_up_and_down(controller: Controller) -> None:
    await deployed(controller)
    controller.world.loads.append(says(3))
    await controller.until_serving(1, 2, 3)
    controller.world.loads.append(says(1))
    await eventually(lambda: len(controller.world.machines) == 1)
    assert [watch.fleet.target for watch in controller.world.load_watches[:3]] == [1, 3, 1]


async def test_a_decision_carries_its_reason_for_people_and_for_machines(
    controller: Controller,
) -> None:
    await deployed(controller)
    controller.world.loads.append(says(2))
    await controller.until_serving(1, 2)
    [made] = [d for d in await controller.decisions() if d.kind == "scale"]
    assert made.reason.startswith("target 0 -> 2; rule: panic window")
    assert made.explanation
    assert made.explanation.rule is Rule.PANIC


async def test_each_watch_goes_on_where_the_one_before_ended(controller: Controller) -> None:
    await deployed(controller)
    controller.world.loads.append(says(2))
    await eventually(lambda: len(controller.world.load_watches) == 2)
    assert controller.world.load_watches[1].progress.seen_at == 2


async def test_a_service_of_no_replica_is_woken_and_put_to_rest(controller: Controller) -> None:
    await controller.apply(version(replicas=0, autoscaling=SETTINGS))
    await eventually(lambda: controller.world.load_watches)
    assert (await controller.status()).phase is ServicePhase.NO_REPLICA
    controller.world.loads.append(says(1))
    await controller.until_serving(1)
    controller.world.loads.append(says(0))
    await eventually(lambda: not controller.world.machines)
    await controller.until_phase(ServicePhase.NO_REPLICA)


async def test_the_replica_with_the_fewest_requests_goes(controller: Controller) -> None:
    await deployed(controller, replicas=3)
    controller.world.loads.append(says(2, r1=5, r2=1, r3=4))
    await controller.until_serving(1, 3)


async def test_a_number_set_by_hand_holds_until_it_is_to_follow_again(
    controller: Controller,
) -> None:
    await deployed(controller)
    assert (await controller.scale(2)).held
    await controller.until_serving(1, 2)
    controller.world.loads.append(says(4))
    before = len(controller.world.load_watches)
    await controller.scale(3)
    await controller.until_serving(1, 2, 3)
    assert len(controller.world.load_watches) == before
    assert not (await controller.scale(None)).held
    await controller.until_serving(1, 2, 3, 4)


async def test_a_number_out_of_the_bounds_is_refused_with_them(controller: Controller) -> None:
    await deployed(controller)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await controller.scale(5)
    assert "5 replicas; allowed: 0 to 4" in str(refused.value.cause)
    assert not (await controller.status()).held


async def test_bounds_of_the_time_are_those_that_hold(controller: Controller) -> None:
    await deployed(controller)
    controller.world.loads.append(says(2, Bounds(least=2, most=6)))
    await controller.until_serving(1, 2)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await controller.scale(1)
    assert "allowed: 2 to 6" in str(refused.value.cause)
    assert (await controller.status()).bounds == Bounds(least=2, most=6)


async def test_a_fixed_number_is_that_of_the_spec_again(controller: Controller) -> None:
    await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    assert not (await controller.scale(2)).held
    await controller.until_serving(1, 2)
    assert (await controller.scale(None)).target == 1


async def test_a_service_goes_on_following_after_it_continued_as_new(
    controller: Controller,
) -> None:
    await deployed(controller)
    first = (await controller.handle.describe()).run_id
    await controller.handle.signal(Message.CHECKPOINT)

    async def continued() -> bool:
        return (await controller.handle.describe()).run_id != first

    await eventually(continued)
    await eventually(lambda: len(controller.world.load_watches) == 2)
    controller.world.loads.append(says(2))
    await controller.until_serving(1, 2)


async def test_nobody_watches_the_load_of_a_service_that_goes(controller: Controller) -> None:
    await deployed(controller)
    await controller.down()
    assert controller.world.machines == {}
    assert len(controller.world.load_watches) == 1


async def test_balancers_are_told_how_long_a_start_takes(controller: Controller) -> None:
    await deployed(controller)
    controller.world.say(1, ReplicaPhase.FAILED, "gone")
    await controller.until_serving(2)
    learned = controller.world.applied[-1].cold_start_seconds
    assert learned is not None
    assert 0 < learned < 60

"""The table of points is complete, and a seed always means the same."""

from __future__ import annotations

import pytest

from skyflow.contracts import ACTIVITIES, APPLY_ENDPOINTS, DRAIN_REPLICA, WorkflowName
from tests.faults.points import POINTS, TABLE, Host, Moment, Stage
from tests.faults.scenario import Target, scenario

WORKFLOWS = (WorkflowName.INSTALLATION, WorkflowName.SERVICE, WorkflowName.REPLICA)


def test_every_activity_and_every_lasting_workflow_is_in_the_table() -> None:
    assert set(TABLE) == {*(activity.name for activity in ACTIVITIES), *WORKFLOWS}


def test_every_activity_is_struck_before_its_effect_and_between_effect_and_answer() -> None:
    for activity in ACTIVITIES:
        assert {Moment.BEFORE, Moment.AFTER} <= set(TABLE[activity.name].moments)


def test_the_activities_of_the_balancer_are_those_without_a_queue_of_their_own() -> None:
    control = {name for name, work in TABLE.items() if work.host is Host.CONTROL}
    assert control == {activity.name for activity in ACTIVITIES if activity.queue is None}
    assert control == {APPLY_ENDPOINTS.name, DRAIN_REPLICA.name}


@pytest.mark.parametrize("whole", [False, True])
def test_a_seed_always_means_the_same_run(whole: bool) -> None:
    assert scenario(7, whole=whole) == scenario(7, whole=whole)


def test_seeds_that_follow_each_other_strike_at_every_point() -> None:
    first = {scenario(seed).faults[0].point for seed in range(len(POINTS))}
    assert first == set(POINTS)


def test_a_fault_strikes_where_its_point_is_reached() -> None:
    for seed in range(500):
        for fault in scenario(seed).faults:
            assert 1 <= fault.nth <= fault.point.stages[fault.stage]


def test_a_run_begins_with_its_deployment_and_ends_with_its_removal() -> None:
    for seed in range(100):
        stages = scenario(seed).stages
        assert stages[0] is Stage.DEPLOY
        assert [s for s in stages if s in (Stage.DOWN, Stage.ABANDON)] == [stages[-1]]


def test_only_the_whole_stack_has_a_temporal_to_itself() -> None:
    def targets(whole: bool) -> set[Target]:
        return {f.target for seed in range(300) for f in scenario(seed, whole=whole).faults}

    assert targets(whole=True) - targets(whole=False) == {Target.TEMPORAL, Target.SUPERVISOR}

"""Both sides of every Temporal call agree."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import Mock

import pytest
from temporalio import activity

from lb.control.activities import BalancerActivities
from skyflow.contracts import ACTIVITIES, Activity
from skyflow.records import Record
from worker.run import activities_by_queue


def implementations() -> dict[str, tuple[str | None, Callable[..., object]]]:
    """Return what is registered, by name, with its queue; a balancer's is its own."""
    # Nothing is carried out here: the activities are only made, and looked at.
    registered = activities_by_queue(Mock())
    balancer = BalancerActivities(Mock())
    rows: list[tuple[str | None, Callable[..., object]]] = [
        (queue, function) for queue, functions in registered.items() for function in functions
    ]
    rows += [(None, balancer.apply_endpoints), (None, balancer.drain_replica)]
    return {_name(function): (queue, function) for queue, function in rows}


def test_every_activity_of_the_contract_is_carried_out_by_exactly_one_worker() -> None:
    assert sorted(implementations()) == sorted(contract.name for contract in ACTIVITIES)


@pytest.mark.parametrize("contract", ACTIVITIES, ids=lambda contract: contract.name)
def test_an_activity_has_the_types_and_the_queue_of_its_contract(
    contract: Activity[Record, object],
) -> None:
    queue, function = implementations()[contract.name]
    hints = typing.get_type_hints(function)
    (parameter,) = inspect.signature(function).parameters
    assert hints[parameter] is contract.argument
    assert hints["return"] is contract.result
    assert queue == contract.queue


@pytest.mark.parametrize("contract", ACTIVITIES, ids=lambda contract: contract.name)
def test_the_death_of_a_worker_is_noticed_in_thirty_seconds(
    contract: Activity[Record, object],
) -> None:
    noticed_after = contract.heartbeat or contract.start_to_close
    assert noticed_after <= timedelta(seconds=30)


@pytest.mark.parametrize("name", ["teardown_replica", "remove_service_files"])
def test_nothing_makes_a_workflow_give_up_clearing_away(name: str) -> None:
    assert next(contract for contract in ACTIVITIES if contract.name == name).fatal == ()


def _name(function: Callable[..., object]) -> str:
    definition = activity._Definition.must_from_callable(function)
    assert definition.name is not None
    return definition.name

"""Signals sent by hand, as from the Temporal web UI."""

from __future__ import annotations

import pytest

from skyflow.contracts import Message
from skyflow.state import ServicePhase
from tests.workflows.harness import Controller, version


@pytest.mark.parametrize(
    ("signal", "inputs"),
    [
        (Message.SCALE_SIGNAL, []),
        (Message.SCALE_SIGNAL, ["three"]),
        (Message.SCALE_SIGNAL, [{"replicas": 3}, "more"]),
        (Message.CHECKPOINT, ["now"]),
        (Message.REPLICA_CHANGED, []),
        (Message.STOP, [{"why": "no reason"}]),
        ("nonsense", [1]),
    ],
)
async def test_a_signal_that_does_not_fit_holds_up_nothing(
    controller: Controller, signal: str, inputs: list[object]
) -> None:
    await controller.apply(version())
    await controller.handle.signal(signal, args=inputs)
    await controller.until_serving(1, 2)
    assert (await controller.status()).target == 2


async def test_a_service_is_stopped_without_saying_why(controller: Controller) -> None:
    await controller.apply(version())
    await controller.until_phase(ServicePhase.READY)
    await controller.handle.signal(Message.STOP)
    await controller.handle.result()
    assert not controller.world.machines


async def test_a_replica_ignores_what_does_not_fit_and_is_stopped_without_saying_why(
    controller: Controller,
) -> None:
    outcome = await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    replica = controller.replica(outcome.incarnation, 1)
    await replica.signal(Message.ASSIGN)
    await replica.signal(Message.STOP)
    await replica.result()
    await controller.until_serving(2)

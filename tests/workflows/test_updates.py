from __future__ import annotations

import asyncio

import pytest

from skyflow.contracts import Message
from tests.workflows.harness import Controller, version

TIMES, AT_ONCE = 15, 12


@pytest.mark.parametrize("cached_workflows", [1000], ids=["cached"])
async def test_no_update_is_lost_while_a_service_continues_as_new(controller: Controller) -> None:
    await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    incarnation = (await controller.status()).incarnation
    runs = {await run_id(controller)}
    for _ in range(TIMES):
        checkpoints = [controller.handle.signal(Message.CHECKPOINT) for _ in range(AT_ONCE)]
        answers = await asyncio.gather(*[controller.scale(1) for _ in range(AT_ONCE)], *checkpoints)
        assert all(answer is None or answer.incarnation == incarnation for answer in answers)
        runs.add(await run_id(controller))
    assert len(runs) > TIMES / 2


async def run_id(controller: Controller) -> str | None:
    return (await controller.handle.describe()).run_id

"""Faults of processes while machines come from AWS, which loses answers and throttles calls."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.clouds.aws.policy import allowed_actions
from tests.clouds.aws_bench.bench import AwsBench, running_bench_with_machines
from tests.faults.aws_stack import AwsStack
from tests.faults.run import run
from tests.faults.scenario import scenario
from tests.faults.slots import temporal_server

pytestmark = [pytest.mark.xdist_group("faults-aws"), pytest.mark.timeout(600)]

SEEDS = (5, 45, 152)
"""They strike where machines are launched, prepared and ended, and machines themselves."""


@pytest.fixture(scope="module")
async def bench() -> AsyncIterator[AwsBench]:
    async with running_bench_with_machines() as bench:
        yield bench


@pytest.fixture(scope="module")
async def aws_stack(bench: AwsBench) -> AsyncIterator[AwsStack]:
    async with temporal_server() as server:
        home, bind = server.home / "aws", "127.0.2.1"
        stack = AwsStack(home, bind, server.address, server.namespace(), bench)
        try:
            await stack.start()
            yield stack
        finally:
            await stack.stop()


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_service_on_aws_survives(aws_stack: AwsStack, bench: AwsBench, seed: int) -> None:
    aws_stack.make_trouble(seed)
    assert (await run(aws_stack, scenario(seed))).problems == []
    assert bench.ledger.existing() == []
    assert bench.problems == []
    assert bench.used_actions() <= allowed_actions()

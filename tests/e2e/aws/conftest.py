from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.clouds.aws.policy import allowed_actions
from tests.clouds.aws_bench.bench import REGION, AwsBench, running_bench_with_machines
from tests.e2e.conftest import running_stack
from tests.e2e.services import write_service
from tests.e2e.stack import Outcome, Stack

SMALL = {"infra": f"aws/{REGION}", "cpus": "2+", "memory": "4+", "disk_size": 50}
"""Many types in every zone have this much; the cheapest cost a few cents per hour."""

Up = Callable[..., Awaitable[Outcome]]


@pytest.fixture(scope="package")
async def _bench() -> AsyncIterator[AwsBench]:
    async with running_bench_with_machines() as bench:
        yield bench


@pytest.fixture(scope="package")
async def aws_stack(_bench: AwsBench) -> AsyncIterator[Stack]:
    """Run a stack whose machines come from the bench; at its end nothing may be left."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "SKYFLOW_"))]:
            patch.delenv(name)
        patch.setenv("NO_COLOR", "1")
        async with running_stack("own", **_bench.environment) as stack:
            yield stack


@pytest.fixture
async def bench(_bench: AwsBench, aws_stack: Stack) -> AsyncIterator[AwsBench]:
    """Return the bench without failures; a test must leave nothing that runs in it."""
    _bench.calm()
    yield _bench
    _bench.calm()
    assert [each.tags for each in await _bench.instances()] == []
    assert _bench.ledger.existing() == []
    assert _bench.problems == []
    assert _bench.used_actions() <= allowed_actions()


@pytest.fixture
async def up(bench: AwsBench, aws_stack: Stack, tmp_path: Path) -> AsyncIterator[Up]:
    """Bring up services on small machines; those that still run are taken down in the end."""

    async def bring_up(
        name: str,
        *options: str,
        status: int = 0,
        resources: Mapping[str, Any] = SMALL,
        **service: Any,
    ) -> Outcome:
        spec = write_service(tmp_path / name, service=service, resources=dict(resources))
        return await aws_stack.run("serve", "up", spec, "-n", name, "-y", *options, status=status)

    yield bring_up
    bench.calm()
    if names := [view.status.service for view in await (await aws_stack.sdk()).status()]:
        await aws_stack.run("serve", "down", *names, "-y")

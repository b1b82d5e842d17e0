"""A service that cannot come up ends, says why, and leaves nothing that costs."""

from __future__ import annotations

import asyncio

import pytest

from skyflow.state import ServicePhase
from tests.e2e.conftest import ONE_NETWORK, take_down
from tests.e2e.services import SERVE, write_service
from tests.e2e.stack import Outcome, Stack
from tests.waiting import eventually

pytestmark = ONE_NETWORK

LAST_WORDS = "the disk of answers is missing"
FAILING = {
    "setup": (f"echo {LAST_WORDS}; exit 3", SERVE),
    "run": ("", f"echo {LAST_WORDS}; exit 3"),
}


@pytest.fixture(scope="module")
async def failed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Return what `up` said of services whose setup or run fails, brought up at the same time."""

    async def fail(step: str) -> Outcome:
        setup, run = FAILING[step]
        spec = write_service(tmp_path_factory.mktemp(step), run, setup=setup)
        return await stack.run("serve", "up", spec, "-n", f"bad-{step}", "-y", status=1)

    outcomes = await asyncio.gather(*(fail(step) for step in FAILING))
    return dict(zip(FAILING, outcomes, strict=True))


@pytest.mark.parametrize("step", FAILING)
async def test_up_shows_the_reason_and_the_last_words(
    failed: dict[str, Outcome], step: str
) -> None:
    shown = failed[step].err
    assert f"service bad-{step} failed" in shown
    assert f"{step} ended with exit status 3" in shown
    assert LAST_WORDS in shown


@pytest.mark.parametrize("step", FAILING)
async def test_nothing_runs_any_more_and_down_cleans_up(
    failed: dict[str, Outcome], stack: Stack, step: str
) -> None:
    status = (await stack.view(f"bad-{step}")).status
    assert status.phase is ServicePhase.FAILED
    await eventually(lambda: not stack.machines(status.incarnation), what="its machines are gone")
    await take_down(stack, f"bad-{step}")
    assert await (await stack.sdk()).find(f"bad-{step}") is None

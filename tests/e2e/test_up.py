"""Not waiting for a service: it goes on being deployed."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from skyflow.state import ServicePhase
from tests.e2e.conftest import ONE_NETWORK, Up, take_down
from tests.e2e.services import SERVE, until_exists, write_service
from tests.e2e.stack import Stack, ended

pytestmark = ONE_NETWORK


async def test_ctrl_c_leaves_the_service_deploying(stack: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    spec = write_service(tmp_path, until_exists(gate) + SERVE)
    process = await stack.start("serve", "up", spec, "-n", "left", "-y")
    assert process.stderr
    while b"STARTING" not in await process.stderr.readline():
        assert not process.stderr.at_eof()
    assert list(stack.temporary.iterdir()) == []
    process.send_signal(signal.SIGINT)
    outcome = await ended(process)
    assert outcome.status == 130
    assert "goes on being deployed" in outcome.err
    assert "skyflow serve down left" in outcome.err
    gate.touch()
    await stack.ready("left")
    await take_down(stack, "left")


async def test_up_need_not_wait(stack: Stack, up: Up, tmp_path: Path) -> None:
    spec = write_service(tmp_path, until_exists(tmp_path / "gate") + SERVE)
    outcome = await asyncio.wait_for(up(spec, "unwatched", "--no-wait", "--json"), 30)
    assert outcome.document["outcome"] == "deploying"
    assert (await stack.view("unwatched")).status.phase is not ServicePhase.READY

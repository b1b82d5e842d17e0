"""What a probe that fails says, and of whom."""

from __future__ import annotations

import socket

import aiohttp
import pytest

from skyflow.errors import ProbeImpossible
from skyflow.spec import ReadinessProbe
from skyflow.watching.probe import probe
from tests.limits import no_more_files

SETTINGS = ReadinessProbe(path="/")


async def test_a_refused_connection_is_the_replicas_failure() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with aiohttp.ClientSession() as session:
            outcome = await probe(session, f"http://127.0.0.1:{closed.getsockname()[1]}", SETTINGS)
    assert not outcome.succeeded
    assert outcome.detail.startswith("no connection")


async def test_a_worker_that_may_open_no_connection_says_nothing_of_the_replica() -> None:
    async with aiohttp.ClientSession() as session:
        with no_more_files(), pytest.raises(ProbeImpossible, match="Too many open files"):
            await probe(session, "http://127.0.0.1:9", SETTINGS)

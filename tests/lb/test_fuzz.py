"""Random messages are read as h11 reads them, or refused; see tests/lb/fuzz.py."""

from __future__ import annotations

import pytest

from tests.lb.fuzz import many
from tests.lb.plane import Plane
from tests.lb.wire import OK, answering, ask, content, get, replica

CASES = 150


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_message_is_taken_for_another(plane: Plane, seed: int) -> None:
    await many(plane, seed, CASES)
    async with replica(answering(OK)) as upstream:
        served = await plane.serve(upstream.url)
        assert content(await ask(served.port, get())) == b"ok"

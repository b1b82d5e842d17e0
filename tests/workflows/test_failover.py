"""What refuses is got past with few looks, few events, and reasons for every step."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from skyflow.clouds.fake import SCRIPT_VARIABLE
from tests.workflows.failover import REFUSING, fail_over, write_script

MOST_EVENTS_OF_SERVICE, MOST_EVENTS_OF_REPLICA = 14, 18
"""For each refusal, with what a start takes anyway."""


@pytest.mark.timeout(330)
async def test_fifty_places_that_refuse_are_got_past(
    server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.json"
    write_script(script)
    monkeypatch.setenv(SCRIPT_VARIABLE, str(script))
    took = await fail_over(server.client, tmp_path)
    assert took.looked_up == 2
    assert took.service.total() <= MOST_EVENTS_OF_SERVICE * REFUSING
    assert took.replica.total() <= MOST_EVENTS_OF_REPLICA * REFUSING
    story = [decision for decision in took.decisions if decision.kind in ("place", "refused")]
    assert [each.kind for each in story] == ["place", *["refused", "place"] * REFUSING]
    assert story[-1].reason.startswith(f"small in fake/r{REFUSING // 3}/")

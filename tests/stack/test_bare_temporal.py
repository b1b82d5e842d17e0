"""What a worker sets up in a Temporal that the stack did not start."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from skyflow.contracts import SEARCH_ATTRIBUTES
from skyflow.naming import REAPER_ID
from tests.temporal import BINARY
from worker.reaper_schedule import INTERVAL, ensure_reaper
from worker.search_attributes import register_search_attributes


@pytest.fixture
async def bare_client() -> AsyncIterator[Client]:
    """Connect to a server that knows nothing of skyflow."""
    server = await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(BINARY),
        dev_server_log_level="error",
    )
    yield server.client
    await server.shutdown()


async def known(client: Client) -> set[str]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return set((await client.operator_service.list_search_attributes(request)).custom_attributes)


async def test_a_server_that_knows_none_is_told_all_once(bare_client: Client) -> None:
    assert not await known(bare_client) & set(SEARCH_ATTRIBUTES)
    await register_search_attributes(bare_client)
    await register_search_attributes(bare_client)
    assert await known(bare_client) >= set(SEARCH_ATTRIBUTES)


async def test_the_reapers_schedule_is_made_once_and_stays_paused(bare_client: Client) -> None:
    await ensure_reaper(bare_client)
    schedule = bare_client.get_schedule_handle(REAPER_ID)
    await schedule.pause(note="while we move house")
    await ensure_reaper(bare_client)
    found = (await schedule.describe()).schedule
    assert found.state.paused
    assert [each.every for each in found.spec.intervals] == [INTERVAL]

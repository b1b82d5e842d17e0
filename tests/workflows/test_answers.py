"""What Temporal's answers mean."""

from __future__ import annotations

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from skyflow.temporal import knows_no_workflow


@pytest.mark.parametrize(("namespace", "expected"), [("default", True), ("elsewhere", False)])
async def test_a_namespace_that_is_not_there_says_nothing_of_a_workflow(
    server: WorkflowEnvironment, namespace: str, expected: bool
) -> None:
    address = server.client.service_client.config.target_host
    client = await Client.connect(
        address, namespace=namespace, data_converter=pydantic_data_converter
    )
    with pytest.raises(RPCError) as refused:
        await client.get_workflow_handle("never-started").describe()
    assert knows_no_workflow(refused.value) is expected

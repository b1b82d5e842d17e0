"""A real Temporal development server for tests."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from skyflow.contracts import SEARCH_ATTRIBUTES
from tests.waiting import eventually
from worker.temporal_server import QUEUE_OPTIONS

BINARY = Path(sys.executable).parent / "temporal"


async def start_server(*extra: str) -> WorkflowEnvironment:
    """Start a server of the version that skyflow installs, with skyflow's search attributes."""
    return await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(BINARY),
        dev_server_log_level="error",
        dev_server_extra_args=[*QUEUE_OPTIONS, *extra],
        dev_server_startup_timeout=timedelta(minutes=1),
        search_attributes=[SearchAttributeKey.for_keyword(name) for name in SEARCH_ATTRIBUTES],
    )


async def end_workflows(client: Client, *known: str) -> None:
    """End all that run, and what those have started. No worker may do anything any more.

    Args:
        client: Client of the server.
        known: Workflows that may be too young for the server's list, which comes late.
    """
    listed = [found.id async for found in client.list_workflows("ExecutionStatus='Running'")]
    for workflow_id in dict.fromkeys([*known, *listed]):
        with suppress(RPCError):  # it may never have begun
            settled = await eventually(partial(_settled, client, workflow_id))
            assert settled is not None
            for each in (workflow_id, *(child.workflow_id for child in settled.pending_children)):
                with suppress(RPCError):  # it may have ended by itself
                    await client.get_workflow_handle(each).terminate()


async def _settled(client: Client, workflow_id: str) -> DescribeWorkflowExecutionResponse | None:
    """Return what is known of a workflow, unless a child that it asked for is still to start."""
    found = await client.get_workflow_handle(workflow_id).describe()
    running = found.status is WorkflowExecutionStatus.RUNNING
    starting = any(not child.run_id for child in found.raw_description.pending_children)
    return None if running and starting else found.raw_description

"""A real Temporal development server for tests."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from skyflow.contracts import SEARCH_ATTRIBUTES

BINARY = Path(sys.executable).parent / "temporal"


async def start_server(*extra: str) -> WorkflowEnvironment:
    """Start a server of the version that skyflow installs, with skyflow's search attributes."""
    return await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(BINARY),
        dev_server_log_level="error",
        dev_server_extra_args=list(extra),
        dev_server_startup_timeout=timedelta(minutes=1),
        search_attributes=[SearchAttributeKey.for_keyword(name) for name in SEARCH_ATTRIBUTES],
    )

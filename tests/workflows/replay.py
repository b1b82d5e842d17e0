"""Replays the recorded histories with today's workflows: `python -m tests.workflows.replay`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from skyflow.naming import service_workflow_id
from worker.run import WORKFLOWS

HISTORIES_FOLDER = Path(__file__).parent / "histories"
HISTORIES = sorted(HISTORIES_FOLDER.glob("*.json"))
SERVICE = "recorded"
"""Name of the service in every recorded history."""


async def replay(path: Path) -> None:
    """Replay one history; raises what makes it differ from what was recorded."""
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
    )
    content = await asyncio.to_thread(path.read_text)
    # A service's workflow knows its name by its id, which is not part of a history.
    history = WorkflowHistory.from_json(service_workflow_id(SERVICE), content)
    await replayer.replay_workflow(history)


async def main() -> None:
    for path in HISTORIES:
        await replay(path)


if __name__ == "__main__":
    asyncio.run(main())

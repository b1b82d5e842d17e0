"""Writing histories of workflows that tell nothing of the computer they were recorded on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle

RECORDER = "recorder"

Handle = WorkflowHandle[Any, Any]


@dataclass(frozen=True)
class Histories:
    """A folder of histories."""

    folder: Path
    client: Client

    async def write(self, handle: Handle, name: str) -> None:
        """Write the history of a workflow's latest run, or of the run that a handle names."""
        history = json.loads((await handle.fetch_history()).to_json())
        content = json.dumps(_impersonal(history), indent=1)
        (self.folder / f"{name}.json").write_text(content + "\n")

    async def current_run(self, handle: Handle) -> Handle:
        """Return a handle of the run that goes on now, also when another one has followed."""
        run_id = (await handle.describe()).run_id
        return self.client.get_workflow_handle(handle.id, run_id=run_id)

    async def has_continued(self, handle: Handle, before: Handle) -> bool:
        """Return whether a run has been followed by another one."""
        return (await handle.describe()).run_id != before.run_id


def _impersonal(part: Any) -> Any:
    """Return part of a history without what tells of the computer that it was recorded on."""
    if isinstance(part, list):
        return [_impersonal(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: RECORDER if key == "identity" or _names_worker(value) else _impersonal(value)
        for key, value in part.items()
        if key != "stackTrace"
    }


def _names_worker(value: Any) -> bool:
    """Return whether a value is the name of a worker: its process and computer."""
    return isinstance(value, str) and re.fullmatch(r"\d+@\S+", value) is not None

"""A supervisor of Temporal alone: `python -m tests.stack.temporal_stack --bind ADDRESS`."""

from __future__ import annotations

import asyncio
import sys

from skyflow.config import Settings
from skyflow.stack_state import StackState
from worker.process import ProcessSpec
from worker.supervisor import supervise
from worker.table import stack_table


def temporal_table(settings: Settings, state: StackState) -> tuple[ProcessSpec, ...]:
    return tuple(spec for spec in stack_table(settings, state) if spec.name == "temporal")


if __name__ == "__main__":
    sys.exit(asyncio.run(supervise(Settings.from_environment(), sys.argv[2], temporal_table)))

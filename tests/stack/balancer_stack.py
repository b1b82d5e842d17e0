"""A supervisor of a data plane only: `python -m tests.stack.balancer_stack`."""

from __future__ import annotations

import asyncio
import sys

from skyflow.config import Settings
from skyflow.stack_state import StackState
from worker.process import ProcessSpec
from worker.supervisor import supervise
from worker.table import stack_table


def balancer_table(settings: Settings, state: StackState) -> tuple[ProcessSpec, ...]:
    return tuple(spec for spec in stack_table(settings, state) if spec.name == "lb-data")


if __name__ == "__main__":
    settings = Settings.from_environment()
    sys.exit(asyncio.run(supervise(settings, table=balancer_table)))

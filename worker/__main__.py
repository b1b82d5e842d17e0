"""Starts the processes of the embedded stack: `python -m worker run` and `supervise`."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

import click

from skyflow.config import Settings
from skyflow.errors import SkyflowError
from skyflow.stack_state import LOOPBACK


@click.group()
def main() -> None:
    """Run a process of skyflow."""


@main.command()
@click.option(
    "--liveness",
    type=click.Path(path_type=Path),
    help="Unix socket by which a supervisor can tell that the worker does not hang.",
)
def run(liveness: Path | None) -> None:
    """Run workflows and activities until told to stop."""
    from worker.run import run_worker

    asyncio.run(run_worker(Settings.from_environment(), liveness))
    # Temporal's native threads may crash an interpreter that is being taken down.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


@main.command()
@click.option("--bind", default=LOOPBACK, show_default=True, help="Address of the endpoints.")
def supervise(bind: str) -> None:
    """Run the embedded stack until told to stop."""
    from worker.supervisor import supervise as supervise_stack

    sys.exit(asyncio.run(supervise_stack(Settings.from_environment(), bind)))


if __name__ == "__main__":
    try:
        main()
    except SkyflowError as error:
        sys.exit(f"{error}\n{error.remedy or ''}".strip())

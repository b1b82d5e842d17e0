"""`python -m lb data` and `python -m lb control`: the balancer's two processes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

import click

from skyflow.config import Settings
from skyflow.errors import SkyflowError


@click.group()
def main() -> None:
    """Run one of the balancer's processes."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


@main.command()
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address of the endpoints.")
def data(bind: str) -> None:
    """Take requests and send them to replicas."""
    # Imported here: each process loads its own half, and this one nothing of Temporal.
    from lb.data.process import run

    _run(lambda settings: run(settings, bind))


@main.command()
@click.option("--admin-port", default=0, show_default=True, help="Port for /healthz and /metrics.")
def control(admin_port: int) -> None:
    """Carry endpoint sets from Temporal to the data plane."""
    from lb.control.process import run

    balancer = os.environ.get("SKYFLOW_BALANCER") or "main"
    _run(lambda settings: run(settings, balancer, admin_port))


def _run(process: Callable[[Settings], None]) -> None:
    try:
        process(Settings.from_environment())
    except SkyflowError as error:
        remedy = f"; {error.remedy}" if error.remedy else ""
        raise click.ClickException(f"{error.message}{remedy}") from error


if __name__ == "__main__":
    main(prog_name="python -m lb")

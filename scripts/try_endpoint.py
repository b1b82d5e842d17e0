"""Says where a service answers, what one request to it answers, and where to look at it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import httpx

from skyflow.config import Settings
from skyflow.stack_status import stack_status

_SECONDS = 10


def main(name: str) -> None:
    """Print the endpoint of a service, an answer of it, and the web UI's address."""
    endpoint = _endpoint(name)
    stack = stack_status(Settings.from_environment())
    click.echo(f"\nEndpoint         {endpoint}")
    click.echo(f"Temporal web UI  {stack.ui_url or f'that of {stack.temporal_address}'}")
    click.echo(f"Take it down     .venv/bin/skyflow serve down {name}")
    click.echo(f"\n$ curl {endpoint}\n{httpx.get(endpoint, timeout=_SECONDS).text.rstrip()}")


def _endpoint(name: str) -> str:
    program = str(Path(sys.executable).with_name("skyflow"))
    command = [program, "serve", "status", name, "--endpoint"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1])

"""Says where a service answers, what one request to it answers, and where to look at it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import httpx

_SECONDS = 10


def main(name: str) -> None:
    """Print the endpoint of a service, an answer of it, and the web UI's address."""
    endpoint = _skyflow("serve", "status", name, "--endpoint")
    stack = json.loads(_skyflow("stack", "status", "--json"))
    click.echo(f"\nEndpoint         {endpoint}")
    click.echo(f"Temporal web UI  {stack['ui_url'] or 'that of ' + stack['temporal_address']}")
    click.echo(f"Take it down     .venv/bin/skyflow serve down {name}")
    click.echo(f"\n$ curl {endpoint}\n{httpx.get(endpoint, timeout=_SECONDS).text.rstrip()}")


def _skyflow(*arguments: str) -> str:
    program = Path(sys.executable).with_name("skyflow")
    output = subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return output.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1])

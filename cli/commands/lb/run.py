"""`skyflow lb run`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from cli import options
from cli.running import entry

_FORMAT = """\b
The file:
  services:
    - name: demo
      port: 30001
      load_balancing_policy: least_load
      endpoints:
        - http://127.0.0.1:9001
        - http://[::1]:9002
        - unix:/run/model.sock
"""


@click.command(
    "run",
    epilog=_FORMAT
    + "\n"
    + options.examples(
        "skyflow lb run --static services.yaml",
        "skyflow lb run --static services.yaml --host 0.0.0.0 --processes 4 --admin-port 9100",
    ),
)
@click.option(
    "--static",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="YAML of the services, their ports and their endpoints.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address that the services listen on; 0.0.0.0 or :: for all.",
)
@click.option(
    "--admin-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port on 127.0.0.1 for /healthz and /metrics; 0 for a free one. None unless given.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    metavar="N",
    default=1,
    show_default=True,
    help="Processes that share the ports: as many as there are cores to spare.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIRECTORY",
    help="Keep access logs and counters here, in balancer/. Kept nowhere unless given.",
)
@entry
async def command(
    file: Path, host: str, admin_port: int | None, processes: int, directory: Path | None
) -> None:
    """Balance requests over endpoints that a file names, without Temporal.

    The file may change at any time: what it says is served within a second, and no request in
    flight is cut. One that is not valid is refused with all that is wrong in it, and what was
    served before still is. Each service may have the keys of `service` in a service YAML that
    concern the balancer, such as `retry` and `load_balancer`.

    Ctrl-C ends it: nothing new is accepted, and requests in flight get ten seconds; Ctrl-C once
    more ends those too.
    """
    from skyflow.spec.static_file import load_static

    load_static(file)
    command = [sys.executable, "-P", "-m", "lb", "run", "--static", str(file), "--host", host]
    command += ["--processes", str(processes)]
    if admin_port is not None:
        command += ["--admin-port", str(admin_port)]
    if directory is not None:
        command += ["--directory", str(directory)]
    # In the place of this process, so that signals and the exit status are its own.
    os.execv(sys.executable, command)  # noqa: S606

"""`python -m lb data`, `control` and `run`: the balancer's processes."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from skyflow.config import Settings
from skyflow.errors import SkyflowError


def main() -> None:
    """Run one of the balancer's processes."""
    logging.basicConfig(
        level=os.environ.get("SKYFLOW_LB_LOG_LEVEL") or logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    options = _options()
    try:
        options.run(Settings.from_environment(), options)
    except SkyflowError as error:
        remedy = f"; {error.remedy}" if error.remedy else ""
        sys.exit(f"Error: {error.message}{remedy}")


def _options() -> argparse.Namespace:
    # Not click: a data plane that was killed must serve again before click would have loaded.
    formatter = argparse.ArgumentDefaultsHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m lb", description=main.__doc__)
    commands = parser.add_subparsers(required=True, metavar="data|control|run")
    data = commands.add_parser("data", help=_data.__doc__, formatter_class=formatter)
    data.add_argument("--bind", default="127.0.0.1", help="address of the endpoints")
    data.add_argument(
        "--processes", type=int, help="serve with N processes, whose sockets another one holds"
    )
    data.add_argument(
        "--take-over", action="store_true", help="replace a data plane that runs, refusing nobody"
    )
    # How the holder of the sockets starts the others.
    data.add_argument("--held", type=int, help=argparse.SUPPRESS)
    data.add_argument("--number", type=int, default=0, help=argparse.SUPPRESS)
    data.add_argument("--of", type=int, default=1, help=argparse.SUPPRESS)
    data.set_defaults(run=_data)
    control = commands.add_parser("control", help=_control.__doc__, formatter_class=formatter)
    control.add_argument(
        "--admin-port", default=0, type=int, help="port for /healthz, /metrics and /load"
    )
    control.set_defaults(run=_control)
    alone = commands.add_parser("run", help=_run.__doc__, formatter_class=formatter)
    alone.add_argument("--static", required=True, type=Path, metavar="FILE", help="what to serve")
    alone.add_argument("--host", default="127.0.0.1", help="address of the endpoints")
    alone.add_argument("--admin-port", type=int, help="port for /healthz and /metrics")
    alone.add_argument("--processes", default=1, type=int, help="processes that share the ports")
    alone.add_argument("--directory", type=Path, help="where access logs are kept")
    alone.set_defaults(run=_run)
    return parser.parse_args()


# Each process loads its own half, and the data plane nothing of Temporal.


def _data(settings: Settings, options: argparse.Namespace) -> None:
    """Take requests and send them to replicas."""
    if options.processes is not None:
        from lb.data.group import run_group

        run_group(settings, options.bind, options.processes, replace=options.take_over)
        return
    from lb.data.process import run, run_held
    from lb.data.share import Share

    if options.held is not None:
        run_held(settings, Share(options.number, options.of), options.held)
    else:
        run(settings, options.bind, replace=options.take_over)


def _control(settings: Settings, options: argparse.Namespace) -> None:
    """Carry endpoint sets from Temporal to the data plane."""
    from lb.control.process import run

    run(settings, os.environ.get("SKYFLOW_BALANCER") or "main", options.admin_port)


def _run(settings: Settings, options: argparse.Namespace) -> None:
    """Serve what a file says, without Temporal."""
    from lb.static.process import StaticOptions, run_static

    run_static(
        StaticOptions(
            file=options.static,
            host=options.host,
            admin_port=options.admin_port,
            processes=options.processes,
            directory=options.directory,
        )
    )


if __name__ == "__main__":
    main()

"""`python -m lb data` and `python -m lb control`: the balancer's two processes."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from skyflow.config import Settings
from skyflow.errors import SkyflowError


def main() -> None:
    """Run one of the balancer's processes."""
    logging.basicConfig(
        level=logging.INFO,
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
    commands = parser.add_subparsers(required=True, metavar="data|control")
    data = commands.add_parser("data", help=_data.__doc__, formatter_class=formatter)
    data.add_argument("--bind", default="127.0.0.1", help="address of the endpoints")
    data.set_defaults(run=_data)
    control = commands.add_parser("control", help=_control.__doc__, formatter_class=formatter)
    control.add_argument("--admin-port", default=0, type=int, help="port for /healthz and /metrics")
    control.set_defaults(run=_control)
    return parser.parse_args()


# Each process loads its own half, and the data plane nothing of Temporal.


def _data(settings: Settings, options: argparse.Namespace) -> None:
    """Take requests and send them to replicas."""
    from lb.data.process import run

    run(settings, options.bind)


def _control(settings: Settings, options: argparse.Namespace) -> None:
    """Carry endpoint sets from Temporal to the data plane."""
    from lb.control.process import run

    run(settings, os.environ.get("SKYFLOW_BALANCER") or "main", options.admin_port)


if __name__ == "__main__":
    main()

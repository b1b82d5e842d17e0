"""The `skyflow` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

import skyflow
from cli.exits import Exit
from cli.groups import LazyGroup
from cli.options import EXIT_CODES


@click.group(
    cls=LazyGroup,
    package="cli.commands",
    names=("serve", "stack", "lb", "check", "offers", "catalog"),
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.version_option(skyflow.__version__, prog_name="skyflow")
def root(debug: bool) -> None:
    """Serve models across clouds: one YAML, one endpoint, on durable Temporal workflows."""


def main() -> None:
    """Run the command line and end the process."""
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            code = code or Exit.FAILED
    # Temporal's native threads can crash an interpreter that is shutting down, which would turn
    # the exit code of a command that worked into 139.
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    try:
        code = root.main(args=list(arguments), prog_name="skyflow", standalone_mode=False)
    except click.ClickException as error:
        _report(error, as_json="--json" in arguments)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`| head`): what is still buffered must not be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    return code if isinstance(code, int) else Exit.OK


def _report(error: click.ClickException, *, as_json: bool) -> None:
    if not as_json:
        error.show()
        return
    from cli.running import report
    from skyflow.errors import UsageError

    report(UsageError(error.format_message()), as_json=True)

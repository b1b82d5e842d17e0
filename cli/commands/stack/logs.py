"""`skyflow stack logs`."""

from __future__ import annotations

import asyncio

import click

from cli import options
from cli.running import entry


@click.command(
    "logs",
    epilog=options.examples(
        "skyflow stack logs                 # all processes, a prefix on each line",
        "skyflow stack logs worker --follow",
    ),
)
@click.argument("process", metavar="[PROCESS]", required=False)
@click.option("--follow/--no-follow", default=False, help="Go on until Ctrl-C.")
@click.option(
    "--tail",
    type=click.IntRange(min=0),
    metavar="N",
    default=100,
    show_default=True,
    help="Begin with the last N lines of each process.",
)
@entry
async def command(process: str | None, follow: bool, tail: int) -> None:
    """Show what the stack's processes wrote: temporal, worker, lb-control, lb-data, supervisor."""
    from skyflow.config import Settings
    from skyflow.errors import UsageError
    from skyflow.sdk.files import file_lines
    from skyflow.stack_logs import log_names
    from skyflow.stack_state import log_path

    settings = Settings.from_environment()
    known = log_names(settings)
    if process is not None and process not in known:
        names = ", ".join(known) or "none: the stack never ran"
        raise UsageError(f"{process!r} has no log", f"processes with a log: {names}")

    async def print_log(name: str) -> None:
        prefix = "" if process else f"{name:<10} | "
        ended = asyncio.Event() if follow else None
        async for line in file_lines(log_path(settings, name), tail=tail, ended=ended):
            click.echo(prefix + line)

    await asyncio.gather(*(print_log(name) for name in ([process] if process else known)))

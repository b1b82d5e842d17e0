"""`skyflow serve logs`."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options
from cli.running import entry


@click.command(
    "logs",
    epilog=options.examples(
        "skyflow serve logs hello                 # all replicas, a prefix on each line",
        "skyflow serve logs hello 2 --tail 50     # the last lines of replica 2",
        "skyflow serve logs hello --controller    # what was decided, and why",
        "skyflow serve logs hello --load-balancer # one line for each request",
        "skyflow serve logs hello --sync-down     # all of it as files",
    ),
)
@options.service_name
@click.argument("replica", metavar="[REPLICA]", type=click.IntRange(min=1), required=False)
@click.option("--controller", is_flag=True, help="Show the service's decisions.")
@click.option("--load-balancer", is_flag=True, help="Show the balancer's log of requests.")
@click.option(
    "--follow/--no-follow",
    default=None,
    help="Go on until the service ends. On by default, except with --tail.",
)
@click.option(
    "--tail",
    type=click.IntRange(min=0),
    metavar="N",
    help="Begin with the last N lines (of each replica).",
)
@click.option(
    "-s",
    "--sync-down",
    is_flag=True,
    help="Save all logs, or the one that is named, in a new directory instead.",
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    help="The new directory; below ~/skyflow_logs/service unless given.",
)
@options.as_json
@entry
async def command(
    name: str,
    replica: int | None,
    controller: bool,
    load_balancer: bool,
    follow: bool | None,
    tail: int | None,
    sync_down: bool,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Show what the replicas of a service wrote, also of one that was taken down.

    Works from the store: neither the replica's machine nor the worker need be alive.
    """
    if sum((replica is not None, controller, load_balancer)) > 1:
        raise click.UsageError("Give at most one of REPLICA, --controller and --load-balancer.")
    if sync_down and (follow or tail is not None):
        raise click.UsageError("--sync-down saves what there is: no --follow, no --tail.")
    if not sync_down and (directory is not None or as_json):
        raise click.UsageError("--dir and --json need --sync-down.")
    from cli.log_source import LogSource

    async with LogSource.opened(name, needs_logs=not controller) as source:
        if sync_down:
            from cli.log_saving import Saving

            saving = Saving(replica, controller=controller, requests=load_balancer)
            await saving.save(source, directory, as_json=as_json)
            return
        from cli.log_printing import LogPrinter

        printer = LogPrinter(source, follow=tail is None if follow is None else follow, tail=tail)
        if controller:
            await printer.print_decisions()
        elif load_balancer:
            await printer.print_requests()
        else:
            await printer.print_replicas(replica)

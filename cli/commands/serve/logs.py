"""`skyflow serve logs`."""

from __future__ import annotations

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
@entry
async def command(
    name: str,
    replica: int | None,
    controller: bool,
    load_balancer: bool,
    follow: bool | None,
    tail: int | None,
) -> None:
    """Show what the replicas of a service wrote, also of one that was taken down.

    Works from the store: neither the replica's machine nor the worker need be alive.
    """
    if sum((replica is not None, controller, load_balancer)) > 1:
        raise click.UsageError("Give at most one of REPLICA, --controller and --load-balancer.")
    from cli.log_printing import LogPrinter

    printer = LogPrinter(name, follow=tail is None if follow is None else follow, tail=tail)
    async with printer.opened():
        if controller:
            await printer.print_decisions()
        elif load_balancer:
            await printer.print_requests()
        else:
            await printer.print_replicas(replica)

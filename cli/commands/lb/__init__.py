"""`skyflow lb`: the load balancer alone."""

from __future__ import annotations

import click

from cli.groups import LazyGroup


@click.group("lb", cls=LazyGroup, package="cli.commands.lb", names=("run",))
def command() -> None:
    """Run the load balancer alone, for servers that skyflow did not start."""

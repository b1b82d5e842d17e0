"""`skyflow stack`: the processes on this computer that run the services."""

from __future__ import annotations

import click

from cli.groups import LazyGroup


@click.group(
    "stack",
    cls=LazyGroup,
    package="cli.commands.stack",
    names=("up", "status", "logs", "down"),
)
def command() -> None:
    """Start and stop what runs the services here: Temporal, a worker and a balancer.

    `skyflow serve up` starts it by itself.
    """

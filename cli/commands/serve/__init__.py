"""`skyflow serve`: deploy services and look after them."""

from __future__ import annotations

import click

from cli.groups import LazyGroup


@click.group(
    "serve",
    cls=LazyGroup,
    package="cli.commands.serve",
    names=("up", "status", "logs", "scale", "terminate-replica", "down", "validate", "schema"),
)
def command() -> None:
    """Deploy services and look after them."""

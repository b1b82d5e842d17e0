"""`skyflow catalog`: the prices that offers are found by."""

from __future__ import annotations

import click

from cli.groups import LazyGroup


@click.group("catalog", cls=LazyGroup, package="cli.commands.catalog", names=("show", "refresh"))
def command() -> None:
    """Say from when the prices of machines are, and fetch them anew.

    `skyflow offers` lists them.
    """

"""`skyflow stack down`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.exits import Exit
from cli.running import entry

if TYPE_CHECKING:
    from skyflow.config import Settings

LOOK_SECONDS = 3.0
"""Longest time to find out which services run, in seconds."""


@click.command(
    "down",
    epilog=options.examples("skyflow stack down", "skyflow serve down --all && skyflow stack down"),
)
@options.yes
@options.as_json
@entry
async def command(yes: bool, as_json: bool) -> Exit | None:
    """Stop the stack. Asks first if services run.

    Their replicas go on running, and cost what they cost, but their endpoints do not answer and
    nothing is replaced; the next `skyflow stack up` picks them up again.
    """
    from cli.terminal import confirm, say, show_document
    from skyflow.config import Settings
    from skyflow.stack import stop_stack

    settings = Settings.from_environment()
    names = [] if yes else await _services(settings)
    if names and not confirm(_warning(names)):
        say("Nothing was changed.")
        return Exit.FAILED
    stopped = await stop_stack(settings, _silent if as_json else say)
    if as_json:
        show_document({"stopped": stopped})
    else:
        say("The stack is stopped." if stopped else "The stack was not running.")
    return None


async def _services(settings: Settings) -> list[str]:
    """Return the services that run; none if the stack cannot say, and is stopped anyway."""
    import asyncio

    from skyflow.client import Skyflow
    from skyflow.errors import SkyflowError
    from skyflow.stack_state import StackPhase
    from skyflow.stack_status import stack_status

    if stack_status(settings).phase is not StackPhase.RUNNING:
        return []
    try:
        async with asyncio.timeout(LOOK_SECONDS), Skyflow.open(settings) as skyflow:
            return [view.status.service for view in await skyflow.status()]
    except (SkyflowError, TimeoutError):
        return []


def _warning(names: list[str]) -> str:
    return (
        f"Services run: {', '.join(names)}. Their replicas will go on running (and cost what they "
        "cost), but their endpoints stop answering until the next `skyflow stack up`. To end "
        "them too, run `skyflow serve down --all` first. Stop the stack?"
    )


def _silent(_: str) -> None:
    return

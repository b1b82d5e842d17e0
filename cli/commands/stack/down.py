"""`skyflow stack down`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.exits import Exit
from cli.running import entry

if TYPE_CHECKING:
    from skyflow.config import Settings
    from skyflow.stack_purge import PurgePlan
    from skyflow.state import ServiceStatus

LOOK_SECONDS = 3.0
"""Longest time to find out which services run, in seconds."""


@click.command(
    "down",
    epilog=options.examples(
        "skyflow stack down",
        "skyflow serve down --all && skyflow stack down",
        "skyflow stack down --purge    # as if skyflow had never run here",
    ),
)
@click.option(
    "--purge",
    is_flag=True,
    help="End the machines on this computer too, and remove everything: keys, logs, histories.",
)
@options.yes
@options.as_json
@entry
async def command(purge: bool, yes: bool, as_json: bool) -> Exit | None:
    """Stop the stack. Asks first if services run.

    Their replicas go on running, and cost what they cost, but their endpoints do not answer and
    nothing is replaced; the next `skyflow stack up` picks them up again.
    """
    from skyflow.config import Settings

    settings = Settings.from_environment()
    if purge:
        return await _purge(settings, yes=yes, as_json=as_json)
    return await _stop(settings, yes=yes, as_json=as_json)


async def _stop(settings: Settings, *, yes: bool, as_json: bool) -> Exit | None:
    from cli.terminal import confirm, say, show_document
    from skyflow.stack import stop_stack

    running = None if yes else await _running(settings)
    if running and not confirm(_warning([status.service for status in running])):
        say("Nothing was changed.")
        return Exit.FAILED
    stopped = await stop_stack(settings, _silent if as_json else say)
    if as_json:
        show_document({"stopped": stopped})
    else:
        say("The stack is stopped." if stopped else "The stack was not running.")
    return None


async def _purge(settings: Settings, *, yes: bool, as_json: bool) -> Exit | None:
    from cli.terminal import confirm, say, show_document
    from skyflow.stack_purge import plan_purge, purge

    external = _external(settings)
    plan = await plan_purge(settings, await _running(settings), external)
    if not yes and not confirm(_loss(settings, plan)):
        say("Nothing was changed.")
        return Exit.FAILED
    purged = await purge(settings, _silent if as_json else say)
    if as_json:
        show_document(purged.model_dump(mode="json"))
        return None
    say("Nothing of this installation is left on this computer.")
    if purged.left:
        say(f"Not removed, for skyflow did not make it: {', '.join(purged.left)}")
    return None


async def _running(settings: Settings) -> list[ServiceStatus] | None:
    """Return the services that run; None if nobody can say."""
    import asyncio

    from skyflow.client import Skyflow
    from skyflow.errors import SkyflowError
    from skyflow.stack_state import StackPhase
    from skyflow.stack_status import stack_status

    if stack_status(settings).phase is not StackPhase.RUNNING and not _external(settings):
        return None
    try:
        async with asyncio.timeout(LOOK_SECONDS), Skyflow.open(settings) as skyflow:
            return [view.status for view in await skyflow.status()]
    except (SkyflowError, TimeoutError):
        return None


def _external(settings: Settings) -> str | None:
    from skyflow.stack_state import read_state
    from skyflow.temporal import external_address

    state = read_state(settings)
    return external_address() or (state.external if state else None)


def _warning(names: list[str]) -> str:
    return (
        f"Services run: {', '.join(names)}. Their replicas will go on running (and cost what they "
        "cost), but their endpoints stop answering until the next `skyflow stack up`. To end "
        "them too, run `skyflow serve down --all` first. Stop the stack?"
    )


def _loss(settings: Settings, plan: PurgePlan) -> str:
    services = f"Services that run: {', '.join(plan.services)}. " if plan.services else ""
    doubts = f"Whether anything runs there is not known: {'; '.join(plan.doubts)}. "
    return (
        f"{services}This ends the {plan.machines} machines of this installation on this computer, "
        f"and removes what skyflow keeps in {settings.home}: the keys, without which no stored "
        "spec can be read, the specs and files of services, all logs, and Temporal's database "
        f"with every history. {doubts if plan.doubts else ''}It cannot be undone. Purge?"
    )


def _silent(_: str) -> None:
    return

"""`skyflow serve down`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from cli import options
from cli.exits import Exit, Interrupted
from cli.running import entry

if TYPE_CHECKING:
    from cli.board import Board
    from skyflow.client import Skyflow
    from skyflow.sdk.views import Farewell


@click.command(
    "down",
    epilog=options.examples(
        "skyflow serve down hello",
        "skyflow serve down hello chat -y",
        "skyflow serve down --all -y",
        "skyflow serve down hello --purge    # its logs too",
    ),
)
@click.argument("names", nargs=-1, metavar="[NAMES]...")
@click.option("-a", "--all", "everything", is_flag=True, help="Take every service down.")
@options.yes
@click.option("-p", "--purge", is_flag=True, help="Remove the logs as well.")
@click.option(
    "--replica-id",
    type=click.IntRange(min=1),
    metavar="ID",
    help="End this replica of one service only, as `terminate-replica` does.",
)
@options.as_json
@entry
async def command(
    names: tuple[str, ...],
    everything: bool,
    yes: bool,
    purge: bool,
    replica_id: int | None,
    as_json: bool,
) -> Exit:
    """Take services down, and wait until nothing of them is left but their logs.

    Names are matched exactly. Requests in flight are finished first.
    """
    if bool(names) == everything:
        raise click.UsageError("Give the NAMES of services, or --all.")
    if replica_id is not None:
        return await _end_replica(names, replica_id, yes=yes, purge=purge, as_json=as_json)
    from cli.connecting import changing

    async with changing() as skyflow:
        chosen = await _choose(skyflow, names, purge=purge)
        if not chosen:
            _nothing_to_do(as_json=as_json)
            return Exit.OK
        if not (yes or _agreed(chosen, purge=purge)):
            return Exit.FAILED
        try:
            ends = await _take_down(skyflow, chosen, silent=as_json)
        except asyncio.CancelledError:
            raise Interrupted(_goes_on(chosen)) from None
        if purge:
            for name in chosen:
                await skyflow.purge(name)
    return _tell(ends, as_json=as_json, purge=purge)


async def _end_replica(
    names: tuple[str, ...], replica_id: int, *, yes: bool, purge: bool, as_json: bool
) -> Exit:
    from cli.replica_end import ReplicaEnd

    if len(names) != 1:
        raise click.UsageError("--replica-id needs the NAME of one service.")
    end = ReplicaEnd(names[0], replica_id, yes=yes, purge=purge, wait=True, as_json=as_json)
    return await end.carry_out()


async def _choose(skyflow: Skyflow, names: tuple[str, ...], *, purge: bool) -> list[str]:
    """Return the services to take down; those that only left logs count when purging."""
    if not names:
        return [view.status.service for view in await skyflow.status()]
    with_logs = [name for name in names if purge and await skyflow.logs.incarnations(name)]
    await skyflow.status([name for name in names if name not in with_logs])
    return list(dict.fromkeys(names))


def _nothing_to_do(*, as_json: bool) -> None:
    from cli.render.services import NO_SERVICES
    from cli.terminal import say, show_document

    if as_json:
        show_document({"services": []})
    else:
        say(NO_SERVICES)


def _agreed(names: list[str], *, purge: bool) -> bool:
    from cli.terminal import confirm, say

    also = " and remove the logs" if purge else ""
    if confirm(f"Take down {', '.join(names)}{also}?"):
        return True
    say("Nothing was changed.")
    return False


async def _take_down(skyflow: Skyflow, names: list[str], *, silent: bool) -> list[Farewell]:
    from cli.board import Board

    with Board(silent=silent, named=len(names) > 1) as board:
        return list(await asyncio.gather(*(_end(skyflow, name, board) for name in names)))


async def _end(skyflow: Skyflow, name: str, board: Board) -> Farewell:
    from skyflow.errors import ServiceNotFound
    from skyflow.sdk.views import Farewell

    try:
        return await skyflow.down(name, progress=board.update)
    except ServiceNotFound:
        return Farewell(name=name, complete=True, detail="was not running")


def _goes_on(names: list[str]) -> str:
    return (
        f"The services are still being taken down: {', '.join(names)}.\n"
        "  `skyflow serve status` says how far they are."
    )


def _tell(ends: list[Farewell], *, as_json: bool, purge: bool) -> Exit:
    from cli.terminal import say, show_document

    if as_json:
        show_document({"services": [end.model_dump(mode="json") for end in ends]})
    for end in ends if not as_json else ():
        left = "" if purge else f"; its logs are kept: `skyflow serve logs {end.name}`"
        if end.complete:
            say(f"Service {end.name!r} is down: nothing of it is left{left}")
        else:
            say(
                f"Service {end.name!r} did not end by itself ({end.detail}): its machines may "
                "still run. The Temporal web UI shows why."
            )
    return Exit.OK if all(end.complete for end in ends) else Exit.FAILED

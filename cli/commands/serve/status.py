"""`skyflow serve status`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click

from cli import options
from cli.running import entry

if TYPE_CHECKING:
    from rich.console import RenderableType

    from skyflow.client import Skyflow
    from skyflow.sdk.views import ServiceView
    from skyflow.state import Decision

WATCH_SECONDS = 1.0
"""Time between two looks with `--watch`, in seconds."""


@click.command(
    "status",
    epilog=options.examples(
        "skyflow serve status",
        "skyflow serve status hello -v",
        "curl $(skyflow serve status hello --endpoint)",
        "skyflow serve status --json | jq '.services[].status'",
    ),
)
@click.argument("names", nargs=-1, metavar="[NAMES]...")
@click.option("-v", "--verbose", is_flag=True, help="Add policies, resources, load and decisions.")
@options.as_json
@click.option("--watch", is_flag=True, help="Go on showing the status until Ctrl-C.")
@click.option("--endpoint", is_flag=True, help="Print the endpoint's URL alone, of one service.")
@entry
async def command(
    names: tuple[str, ...], verbose: bool, as_json: bool, watch: bool, endpoint: bool
) -> None:
    """Show services and their replicas; without NAMES, all of them.

    Answers also while no worker runs, with what was last known.
    """
    if endpoint and len(names) != 1:
        raise click.UsageError("--endpoint needs exactly one NAME.")
    if watch and (as_json or endpoint):
        raise click.UsageError("--watch cannot be combined with --json or --endpoint.")
    from cli.connecting import reading

    async with reading() as skyflow:
        if skyflow is None:
            _show_none(names, as_json=as_json)
        elif endpoint:
            await _show_endpoint(skyflow, names[0], as_json=as_json)
        elif as_json:
            await _show_document(skyflow, names, verbose=verbose)
        elif watch:
            await _watch(skyflow, names, verbose=verbose)
        else:
            await _show_tables(skyflow, names, verbose=verbose)


def _show_none(names: tuple[str, ...], *, as_json: bool) -> None:
    from cli.render.services import NO_SERVICES
    from cli.terminal import show, show_document
    from skyflow.errors import ServiceNotFound

    if names:
        raise ServiceNotFound("; ".join(f"Service {name!r} not found." for name in names))
    if as_json:
        show_document({"services": []})
    else:
        show(NO_SERVICES)


async def _show_endpoint(skyflow: Skyflow, name: str, *, as_json: bool) -> None:
    from cli.terminal import show_document
    from skyflow.errors import SkyflowError

    url = (await skyflow.status([name]))[0].endpoint
    if url is None:
        raise SkyflowError(
            f"service {name!r} has no endpoint yet", "`skyflow serve status` says how far it is"
        )
    if as_json:
        show_document({"endpoint": url})
    else:
        click.echo(url)


async def _show_document(skyflow: Skyflow, names: tuple[str, ...], *, verbose: bool) -> None:
    from cli.render.documents import service
    from cli.terminal import show_document

    views = await skyflow.status(names or None)
    now = time.time()
    documents = []
    for view in views:
        document = service(view, now, await _decisions(skyflow, view) if verbose else None)
        if verbose:
            load = await skyflow.load(view.status.service)
            document["load"] = load and load.model_dump(mode="json")
        documents.append(document)
    show_document({"services": documents})


async def _show_tables(skyflow: Skyflow, names: tuple[str, ...], *, verbose: bool) -> None:
    from cli.terminal import show

    show(await _tables(skyflow, names, verbose=verbose))


async def _tables(skyflow: Skyflow, names: tuple[str, ...], *, verbose: bool) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from cli.render.scaling import load
    from cli.render.services import decisions, services

    views = await skyflow.status(names or None)
    parts = [services(views, time.time(), verbose=verbose)]
    for view in views if verbose else ():
        if view.status.autoscaling:
            parts.append(Text(f"\nLoad of {view.status.service}", style="bold underline"))
            found = await skyflow.load(view.status.service)
            parts.append(load(found, view.status, time.time()))
        parts.append(Text(f"\nDecisions of {view.status.service}", style="bold underline"))
        parts.append(decisions(await _decisions(skyflow, view)))
    return Group(*parts)


async def _decisions(skyflow: Skyflow, view: ServiceView) -> tuple[Decision, ...]:
    # A service that could not be asked for its status cannot be asked for its decisions either.
    return () if view.stale else await skyflow.decisions(view.status.service)


async def _watch(skyflow: Skyflow, names: tuple[str, ...], *, verbose: bool) -> None:
    from rich.live import Live

    from cli.terminal import output

    with Live(console=output(), auto_refresh=False) as live:
        while True:
            live.update(await _tables(skyflow, names, verbose=verbose), refresh=True)
            await asyncio.sleep(WATCH_SECONDS)

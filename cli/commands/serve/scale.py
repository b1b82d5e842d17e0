"""`skyflow serve scale`."""

from __future__ import annotations

import click

from cli import options
from cli.running import entry


@click.command("scale", epilog=options.examples("skyflow serve scale hello 4"))
@options.service_name
@click.argument("replicas", metavar="N", type=click.IntRange(min=0))
@options.as_json
@entry
async def command(name: str, replicas: int, as_json: bool) -> None:
    """Run N replicas of a service.

    New ones start at once; those that are too many finish the requests they have.
    """
    from cli.connecting import changing
    from cli.render.text import quantity
    from cli.terminal import say, show_document

    async with changing() as skyflow:
        await skyflow.scale(name, replicas)
    if as_json:
        show_document({"name": name, "target_replicas": replicas})
    else:
        wanted = quantity(replicas, "replica")
        say(f"Service {name!r} goes to {wanted}; `skyflow serve status {name}` says how far it is.")

"""`skyflow serve scale`."""

from __future__ import annotations

import click

from cli import options
from cli.running import entry

AUTO = "auto"


def read_replicas(ctx: click.Context, param: click.Parameter, value: str) -> int | None:
    """Return a number of replicas; None for `auto`.

    Raises:
        BadParameter: It is neither.

    """
    if value == AUTO:
        return None
    if value.isascii() and value.isdigit():
        return int(value)
    raise click.BadParameter(f"{value!r} is not valid; allowed: a number from 0 on, or {AUTO}.")


@click.command(
    "scale",
    epilog=options.examples("skyflow serve scale hello 4", "skyflow serve scale hello auto"),
)
@options.service_name
@click.argument("replicas", metavar="N|auto", callback=read_replicas)
@options.as_json
@entry
async def command(name: str, replicas: int | None, as_json: bool) -> None:
    """Run N replicas of a service, or as many as its spec says (auto).

    New ones start at once; those that are too many finish the requests they have. Where the
    number follows the load, N must be within the service's bounds, and holds until `auto`.
    """
    from cli.connecting import changing
    from cli.render.text import quantity
    from cli.terminal import say, show_document

    async with changing() as skyflow:
        await skyflow.scale(name, replicas)
        [view] = await skyflow.status([name])
    status = view.status
    target = status.target if replicas is None else replicas
    if as_json:
        show_document({"name": name, "target_replicas": target, "held": status.held})
        return
    watch = f"`skyflow serve status {name}` says how far it is"
    if replicas is None and status.autoscaling:
        say(f"Service {name!r} follows its load again; {watch}.")
        return
    held = f" It stays so until `skyflow serve scale {name} auto`." if status.held else ""
    say(f"Service {name!r} goes to {quantity(target, 'replica')}; {watch}.{held}")

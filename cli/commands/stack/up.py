"""`skyflow stack up`."""

from __future__ import annotations

import click

from cli import options
from cli.running import entry


@click.command(
    "up",
    epilog=options.examples(
        "skyflow stack up",
        "skyflow stack up --bind 0.0.0.0    # endpoints can be reached from other computers",
    ),
)
@click.option(
    "--bind",
    metavar="ADDRESS",
    help="Address that endpoints listen on; 127.0.0.1 unless given. All else stays on 127.0.0.1.",
)
@options.as_json
@entry
async def command(bind: str | None, as_json: bool) -> None:
    """Start the stack, or what of it does not run; services go on where they were."""
    from cli.commands.stack.status import show_status
    from cli.terminal import say
    from skyflow.config import Settings
    from skyflow.stack import ensure_stack

    settings = Settings.from_environment()
    await ensure_stack(settings, _silent if as_json else say, bind=bind)
    show_status(settings, as_json=as_json)


def _silent(_: str) -> None:
    return

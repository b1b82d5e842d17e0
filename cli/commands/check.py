"""`skyflow check`."""

from __future__ import annotations

import click

from cli import options
from cli.exits import Exit
from cli.running import entry


@click.command("check", epilog=options.examples("skyflow check", "skyflow check --json"))
@options.as_json
@entry
async def command(as_json: bool) -> Exit:
    """Say which clouds can be used, as whom, and what the others need.

    The exit code is 1 if none can be used.
    """
    from cli.render.clouds import clouds
    from cli.terminal import show, show_document
    from skyflow.config import Settings
    from skyflow.sdk.checks import check_clouds

    uses = await check_clouds(Settings.from_environment())
    if as_json:
        found = [{**use.check.model_dump(), "by_default": use.by_default} for use in uses]
        show_document({"clouds": found})
    else:
        show(clouds(uses))
    return Exit.OK if any(use.check.enabled for use in uses) else Exit.FAILED

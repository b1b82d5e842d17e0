"""`skyflow catalog show`."""

from __future__ import annotations

import click

from cli import options
from cli.running import entry


@click.command(
    "show", epilog=options.examples("skyflow catalog show", "skyflow catalog show --json")
)
@options.as_json
@entry
async def command(as_json: bool) -> None:
    """Show how much the catalogue has of each cloud, and from when its prices are."""
    from cli.render.catalog import catalog, document
    from cli.terminal import show, show_document
    from skyflow.config import Settings
    from skyflow.sdk.catalog import summarise_catalog

    settings = Settings.from_environment()
    summaries = summarise_catalog(settings)
    if as_json:
        show_document(document(summaries, settings))
    else:
        show(catalog(summaries, settings))

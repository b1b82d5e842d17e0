"""`skyflow catalog refresh`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from cli import options
from cli.exits import Exit
from cli.running import entry


@click.command(
    "refresh",
    epilog=options.examples(
        "skyflow catalog refresh --cloud aws --region us-east-1 --region us-west-2",
        "skyflow catalog refresh --cloud gcp",
        "skyflow catalog refresh --json",
    ),
)
@click.option("--cloud", "clouds", multiple=True, metavar="CLOUD", help="Only this cloud.")
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="REGION",
    help="Only this region; else all that the catalogue has.",
)
@options.as_json
@entry
async def command(clouds: tuple[str, ...], regions: tuple[str, ...], as_json: bool) -> Exit:
    """Fetch the prices of machines from what their clouds publish.

    The price list of an AWS region has some hundreds of MB, so name the regions that you use. A
    region that fails keeps its prices, and the exit code is 1.
    """
    from cli.render.catalog import refresh_document, refreshed, region_line
    from cli.terminal import say, show, show_document
    from skyflow.config import Settings
    from skyflow.sdk.catalog import refresh_catalog

    results = []
    with _progress() as report:
        settings = Settings.from_environment()
        async for result in refresh_catalog(settings, clouds, regions, report):
            results.append(result)
            say(region_line(result))
    if as_json:
        show_document(refresh_document(results))
    else:
        show(refreshed(results))
    return Exit.FAILED if any(result.failed for result in results) else Exit.OK


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show what is reported on one line that changes; on no terminal, show nothing of it."""
    from cli.terminal import news

    console = news()
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield status.update

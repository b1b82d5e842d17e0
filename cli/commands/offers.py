"""`skyflow offers`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.exits import Exit
from cli.running import entry


@click.command(
    "offers",
    epilog=options.examples(
        "skyflow offers --gpus A100:8",
        "skyflow offers --gpus '{L4:8, A10G:8}' --spot --cloud aws",
        "skyflow offers --gpus 80GB+:2 --max-price 10",
        "skyflow offers --cpus 4+ --memory 16+ --region us-east-1 --all --json",
    ),
)
@click.option("--gpus", metavar="GPUS", help="Accelerators, as in the YAML: L4, L4:8, 80GB+:2.")
@click.option("--cpus", metavar="N[+]", help="Number of CPUs of a machine; with + at least.")
@click.option("--memory", metavar="GIB[+]", help="Memory of a machine, such as 16GB+.")
@click.option("--local-disk", metavar="DISK", help="Disks of the machine, such as nvme:300+.")
@click.option("-t", "--instance-type", metavar="TYPE", help="The cloud's name of the machine type.")
@click.option("--spot", "use_spot", is_flag=True, help="Rank by the prices of spot machines.")
@click.option("--cloud", metavar="CLOUD", help="Only this cloud.")
@click.option("--region", metavar="REGION", help="Only this region.")
@click.option("--zone", metavar="ZONE", help="Only this zone, as the catalogue names it.")
@click.option(
    "--max-price",
    "max_hourly_cost",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DOLLARS",
    help="Only what costs at most so much per hour.",
)
@click.option("--all", "show_all", is_flag=True, help="Show every offer; else the cheapest 20.")
@options.as_json
@entry
async def command(show_all: bool, as_json: bool, **given: Any) -> Exit:
    """List what clouds sell, cheapest first, by the price of a machine and hour.

    Needs neither an account nor the stack: prices are those of the catalogue, which says from when
    they are. With no accelerators, no type and no size named it lists what a service gets that
    names none: 8 CPUs or more with 4 GiB for each. The exit code is 1 if there is no offer.
    """
    from cli.render.offers import OFFERS_SHOWN, document, offers
    from cli.terminal import show, show_document
    from skyflow.config import Settings
    from skyflow.sdk.offers import search_offers
    from skyflow.spec import ResourceOverrides

    places = [given.pop(part) or "*" for part in ("cloud", "region", "zone")]
    asked = ResourceOverrides(infra="/".join(places), **given)
    found = search_offers(Settings.from_environment(), asked)
    if as_json:
        show_document(document(found))
    else:
        show(offers(found, None if show_all else OFFERS_SHOWN))
    return Exit.OK if found.found else Exit.FAILED

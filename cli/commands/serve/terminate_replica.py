"""`skyflow serve terminate-replica`."""

from __future__ import annotations

import click

from cli import options
from cli.exits import Exit
from cli.running import entry


@click.command(
    "terminate-replica",
    epilog=options.examples(
        "skyflow serve terminate-replica hello 2",
        "skyflow serve terminate-replica hello 2 -y --no-wait",
        "skyflow serve terminate-replica hello 2 --purge   # its logs too",
    ),
)
@options.service_name
@click.argument("replica_id", metavar="ID", type=click.IntRange(min=1))
@options.yes
@click.option("-p", "--purge", is_flag=True, help="Remove its logs as well, once it is gone.")
@click.option("--no-wait", is_flag=True, help="Return once the service has taken the request.")
@options.as_json
@entry
async def command(
    name: str, replica_id: int, yes: bool, purge: bool, no_wait: bool, as_json: bool
) -> Exit:
    """End one replica of a service, which then starts another one in its place.

    The replica gets no new requests and finishes those it has first.
    """
    from cli.replica_end import ReplicaEnd

    end = ReplicaEnd(name, replica_id, yes=yes, purge=purge, wait=not no_wait, as_json=as_json)
    return await end.carry_out()

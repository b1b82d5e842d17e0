"""`skyflow serve up`."""

from __future__ import annotations

import click

from cli import options
from cli.exits import Exit
from cli.running import entry
from cli.spec_options import SpecArguments, spec_options


@click.command(
    "up",
    epilog=options.examples(
        "skyflow serve up service.yaml",
        "skyflow serve up service.yaml -n chat -y",
        "skyflow serve up service.yaml --env MODEL=mixtral --secret HF_TOKEN",
        "skyflow serve up service.yaml --gpus A100:2 --use-spot",
        "skyflow serve up service.yaml --dry-run    # only the plan",
    ),
)
@spec_options
@options.yes
@click.option("--no-wait", is_flag=True, help="Return once the service is being deployed.")
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@options.as_json
@entry
async def command(
    spec: SpecArguments, yes: bool, no_wait: bool, dry_run: bool, as_json: bool
) -> Exit:
    """Deploy the service that YAML describes, and wait until it is ready or has failed.

    Shows what would run where and what it costs, and asks before anything is created. Doing it
    again with the same YAML changes nothing. Ctrl-C while waiting leaves the service deploying.
    """
    from cli.deployment import Deployment
    from skyflow.sdk.support import check_supported

    task = spec.load()
    check_supported(task, str(spec.yaml))
    deployment = Deployment(task, as_json=as_json)
    return await deployment.run(dry_run=dry_run, yes=yes, wait=not no_wait)

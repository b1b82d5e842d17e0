"""`skyflow serve up`."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options
from cli.exits import Exit
from cli.running import entry


@click.command(
    "up",
    epilog=options.examples(
        "skyflow serve up service.yaml",
        "skyflow serve up service.yaml -n chat -y",
        "skyflow serve up service.yaml --env MODEL=mixtral --secret HF_TOKEN",
        "skyflow serve up service.yaml --dry-run    # only the plan",
    ),
)
@click.argument("yaml", metavar="YAML", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "--service-name",
    metavar="NAME",
    help="Name of the service; else the `name` in the YAML, else sky-service- and four digits.",
)
@options.yes
@click.option("--env", "envs", multiple=True, metavar="K=V", help="Set an environment variable.")
@click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Set the variables of a file of K=V lines; --env wins over it.",
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="K=V",
    help="Set a variable that is shown nowhere. K alone takes its value from the environment, "
    "which keeps it out of the process listing; so for --env.",
)
@click.option("--no-wait", is_flag=True, help="Return once the service is being deployed.")
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@options.as_json
@entry
async def command(
    yaml: Path,
    service_name: str | None,
    yes: bool,
    envs: tuple[str, ...],
    env_file: Path | None,
    secrets: tuple[str, ...],
    no_wait: bool,
    dry_run: bool,
    as_json: bool,
) -> Exit:
    """Deploy the service that YAML describes, and wait until it is ready or has failed.

    Shows what would run where and what it costs, and asks before anything is created. Doing it
    again with the same YAML changes nothing. Ctrl-C while waiting leaves the service deploying.
    """
    from cli.deployment import Deployment
    from skyflow.sdk.variables import parse_assignments, read_env_file
    from skyflow.spec import LoadOptions, load_task

    load = LoadOptions(
        env=parse_assignments(envs, "--env"),
        env_file=read_env_file(env_file) if env_file else {},
        secrets=parse_assignments(secrets, "--secret"),
        name=service_name,
    )
    deployment = Deployment(load_task(yaml, load), as_json=as_json)
    return await deployment.run(dry_run=dry_run, yes=yes, wait=not no_wait)

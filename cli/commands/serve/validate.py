"""`skyflow serve validate`."""

from __future__ import annotations

import click

from cli import options
from cli.running import entry
from cli.spec_options import SpecArguments, spec_options


@click.command(
    "validate",
    epilog=options.examples(
        "skyflow serve validate service.yaml",
        "skyflow serve validate service.yaml --env MODEL=mixtral --gpus L4:8",
        "skyflow serve validate service.yaml --json",
    ),
)
@spec_options
@options.as_json
@entry
async def command(spec: SpecArguments, as_json: bool) -> None:
    """Check YAML as `up` would, without deploying anything.

    Needs no stack. Says what the file asks for that this version cannot carry out, which `up`
    refuses, and what has no meaning for a service.
    """
    from cli.render.validation import document, validation
    from cli.source import source_text
    from cli.terminal import show, show_document

    task = spec.load()
    if as_json:
        show_document(document(str(spec.yaml), task))
    else:
        show(validation(str(spec.yaml), task, source_text(spec.yaml)))

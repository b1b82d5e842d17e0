"""`skyflow serve schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from cli import options
from cli.running import entry
from skyflow.errors import UsageError


@click.command(
    "schema",
    epilog=options.examples(
        "skyflow serve schema",
        "skyflow serve schema --output service.schema.json",
    ),
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it to a file instead of standard output.",
)
@entry
async def command(output: Path | None) -> None:
    """Print the JSON Schema of the service YAML, for editors.

    An editor with the YAML language server checks a file, completes its keys and explains them
    once the file's first line is `# yaml-language-server: $schema=service.schema.json`.
    """
    from cli.terminal import say, show_document
    from skyflow.spec.schema import service_schema

    schema = service_schema()
    if output is None:
        show_document(schema)
        return
    _write(output, schema)
    say(f"Wrote {output}.")


def _write(output: Path, schema: dict[str, Any]) -> None:
    try:
        output.write_text(json.dumps(schema, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from error

"""`skyflow stack status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.exits import Exit
from cli.running import entry

if TYPE_CHECKING:
    from skyflow.config import Settings
    from skyflow.stack_state import StackPhase


@click.command(
    "status",
    epilog=options.examples("skyflow stack status", "skyflow stack status --json | jq -r .ui_url"),
)
@options.as_json
@entry
async def command(as_json: bool) -> Exit:
    """Show the stack's processes and addresses. The exit code is 3 unless it runs."""
    from skyflow.config import Settings
    from skyflow.stack_state import StackPhase

    running = show_status(Settings.from_environment(), as_json=as_json) is StackPhase.RUNNING
    return Exit.OK if running else Exit.UNAVAILABLE


def show_status(settings: Settings, *, as_json: bool) -> StackPhase:
    """Print how the stack is, and return its phase."""
    from cli.render.stack import stack
    from cli.terminal import show, show_document
    from skyflow.stack_status import stack_status

    status = stack_status(settings)
    if as_json:
        show_document(status.model_dump(mode="json"))
    else:
        show(stack(status))
    return status.phase

"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cli.exits import Exit

Function = TypeVar("Function", bound=Callable[..., Any])

as_json: Callable[[Function], Function] = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document on standard output, for an error too.",
)

yes: Callable[[Function], Function] = click.option(
    "-y", "--yes", is_flag=True, help="Do not ask; needed where there is no terminal."
)

service_name = click.argument("name", metavar="NAME")


def examples(*lines: str) -> str:
    """Return the end of a help text: examples, one a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


EXIT_CODES = "\b\nExit codes:\n" + "\n".join(
    f"  {code.value:<4} {text}"
    for code, text in (
        (Exit.OK, "done"),
        (Exit.FAILED, "it was tried and failed"),
        (Exit.USAGE, "it cannot be done as asked; nothing was changed"),
        (Exit.UNAVAILABLE, "the controller (Temporal, worker, balancer) does not answer"),
        (Exit.INTERRUPTED, "interrupted with Ctrl-C; what was under way goes on"),
    )
)

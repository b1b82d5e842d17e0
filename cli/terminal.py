"""The terminal: where results and news go, and questions to the user."""

from __future__ import annotations

import json
import re
import sys
from typing import IO, Any

import click
from rich.console import Console, RenderableType

from skyflow.errors import UsageError

_UNLIMITED_WIDTH = 10_000
"""Columns wherever no table must be cut or folded."""

_PADDING = re.compile(r" +(?=(\x1b\[0m)?$)", re.MULTILINE)
"""The spaces that fill up the last column of a table."""


def output() -> Console:
    """Return the console on standard output, for what is drawn again and again."""
    return _console(sys.stdout, None if sys.stdout.isatty() else _UNLIMITED_WIDTH)


def news() -> Console:
    """Return the console for progress and errors: standard error."""
    return _console(sys.stderr, None if sys.stderr.isatty() else _UNLIMITED_WIDTH)


def show(result: RenderableType) -> None:
    """Print a result on standard output.

    Nothing is folded to the width of a terminal: lines that are too long for it are easier to read
    than cells that are broken, and easier to search.
    """
    console = _console(sys.stdout, _UNLIMITED_WIDTH)
    with console.capture() as captured:
        console.print(result)
    sys.stdout.write(_PADDING.sub("", captured.get()))


def say(message: str) -> None:
    """Print a sentence about what goes on, on standard error."""
    news().print(message, markup=False, soft_wrap=True)


def show_document(document: Any) -> None:
    """Print a document as JSON on standard output."""
    click.echo(json.dumps(document, indent=2))


def confirm(question: str) -> bool:
    """Ask a question whose answer is no unless the user says yes.

    Raises:
        UsageError: There is no terminal to ask on.

    """
    if not sys.stdin.isatty():
        raise UsageError(
            f"{question} There is no terminal to ask on, so nothing was changed.",
            "add -y to go ahead without being asked",
        )
    return click.confirm(question, default=False, err=True)


def _console(file: IO[str], width: int | None) -> Console:
    # rich decides by the terminal and NO_COLOR whether there are colours.
    return Console(file=file, width=width, highlight=False, emoji=False)

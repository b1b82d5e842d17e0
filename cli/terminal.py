"""The terminal: where results and news go, and questions to the user."""

from __future__ import annotations

import json
import sys
from typing import IO, Any

import click
from rich.console import Console, RenderableType

from skyflow.errors import UsageError

_UNLIMITED_WIDTH = 10_000
"""Columns where output is no terminal, so that no table is cut or folded there."""


def output() -> Console:
    """Return the console for what was asked for: standard output."""
    return _console(sys.stdout)


def news() -> Console:
    """Return the console for progress and errors: standard error."""
    return _console(sys.stderr)


def show(result: RenderableType) -> None:
    """Print a result on standard output."""
    output().print(result)


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


def _console(file: IO[str]) -> Console:
    # rich decides by the terminal and NO_COLOR whether there are colours.
    width = None if file.isatty() else _UNLIMITED_WIDTH
    return Console(file=file, width=width, highlight=False, emoji=False)

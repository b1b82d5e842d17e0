"""Groups of commands that import each command only when it is used."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used.

    Completion, `--help` and errors in options stay fast, however much the other commands import.
    """

    def __init__(self, *args: object, package: str, names: Sequence[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._package = package
        self._names = tuple(names)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order in which they are learnt."""
        return list(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self._names:
            return None
        module = cmd_name.replace("-", "_")
        found = import_module(f"{self._package}.{module}").command
        return found if isinstance(found, click.Command) else None

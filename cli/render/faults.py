"""Errors as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from cli.render.text import quantity
from skyflow.errors import Problem, SkyflowError, SpecError

_LONGEST_EXCERPT = 160
"""Characters of a line that are shown."""


def fault(error: SkyflowError, source: str | None = None) -> Text:
    """Return an error with its remedy; one in a service YAML with the lines it is about.

    Args:
        error: The error.
        source: Text of the service YAML, where it could be read.

    """
    shown = Text()
    if isinstance(error, SpecError):
        _append_problems(shown, error, (source or "").splitlines())
    else:
        shown.append("Error: ", style="bold red")
        shown.append(error.message)
    if error.remedy:
        shown.append("\nTo do: ", style="bold")
        shown.append(error.remedy)
    return shown


def append_problem(shown: Text, source: str, problem: Problem, lines: Sequence[str]) -> None:
    """Append a problem of a service YAML, with the line that it is about and a caret."""
    shown.append("\n\n")
    shown.append(_place(source, problem), style="bold")
    shown.append(f"{problem.key}: " if problem.key else "")
    shown.append(problem.message)
    _append_line(shown, problem, lines)


def _append_problems(shown: Text, error: SpecError, lines: Sequence[str]) -> None:
    shown.append("Error: ", style="bold red")
    count = quantity(len(error.problems), "problem")
    shown.append(f"{error.source} has {count}; nothing was changed.")
    for problem in error.problems:
        append_problem(shown, error.source, problem, lines)


def _place(source: str, problem: Problem) -> str:
    numbers = [n for n in (problem.line, problem.column) if problem.line and n]
    return ":".join([source, *map(str, numbers)]) + ": "


def _append_line(shown: Text, problem: Problem, lines: Sequence[str]) -> None:
    if problem.line is None or not 1 <= problem.line <= len(lines):
        return
    line, column = _excerpt(lines[problem.line - 1].expandtabs(1), problem.column)
    shown.append(f"\n{problem.line:5d} | {line}")
    if column is not None:
        shown.append("\n      | " + " " * (column - 1))
        shown.append("^", style="bold red")


def _excerpt(line: str, column: int | None) -> tuple[str, int | None]:
    """Return the part of a line around a column, and where the column is in it."""
    start = max(0, (column or 1) - 1 - _LONGEST_EXCERPT // 2)
    end = start + _LONGEST_EXCERPT
    before, after = "... " if start else "", " ..." if end < len(line) else ""
    place = None if column is None else column - start + len(before)
    return f"{before}{line[start:end]}{after}", place

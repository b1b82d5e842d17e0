"""Variables given beside a service YAML: `K=V`, and files of such lines."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from skyflow.errors import UsageError


def parse_assignments(
    given: Iterable[str], flag: str, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the variables of `K=V` arguments; `K` alone takes its value from the environment.

    No value appears in an error: it may be a secret.

    Raises:
        UsageError: An argument has no name, or no value anywhere.

    """
    variables = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        if not name:
            raise UsageError(f"{flag} needs K=V, or the name of a variable of the environment")
        if not equals and name not in environ:
            raise UsageError(
                f"{flag} {name}: the environment has no variable of that name",
                f"give its value: {flag} {name}=...",
            )
        variables[name] = value if equals else environ[name]
    return variables


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables of a file of `K=V` lines.

    Empty lines, comments and a leading `export` are skipped; values may be quoted as for a shell.

    Raises:
        UsageError: The file cannot be read, or a line is of another form.

    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} cannot be read: it is not text in UTF-8") from error
    variables = {}
    for number, line in enumerate(lines, start=1):
        stripped = line.strip().removeprefix("export ").strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{path}:{number}: found no K=V", "write one K=V a line")
        variables[name.strip()] = _value(value.strip(), path, number)
    return variables


def _value(text: str, path: Path, number: int) -> str:
    if not text.startswith(("'", '"')):
        return text.split(" #", 1)[0].rstrip()
    try:
        words = shlex.split(text, comments=True)
    except ValueError as error:
        raise UsageError(f"{path}:{number}: {error}", "close the quotation") from None
    if len(words) != 1:
        raise UsageError(f"{path}:{number}: more than one value", "put the whole value in quotes")
    return words[0]

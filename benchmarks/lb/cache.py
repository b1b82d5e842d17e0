"""Where programs that the benchmark needs are kept between runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


class Unavailable(Exception):
    """A program cannot be had here, or does not work here; the message says why."""


def cache_directory() -> Path:
    """Return the directory of everything that was fetched or compiled."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "skyflow-bench"


def made_once(folder: Path, make: list[list[str]], seconds: float = 900) -> Path:
    """Return a folder made by commands, which find its future path as `{}`.

    Raises:
        Unavailable: A command failed; nothing is left of the folder then.
    """
    complete = folder / ".complete"
    if complete.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        for command in make:
            done([part.replace("{}", str(folder)) for part in command], seconds)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    complete.touch()
    return folder


def done(command: Sequence[str], seconds: float = 900) -> str:
    """Run a command and return what it printed.

    Raises:
        Unavailable: It is not there, failed or took too long.
    """
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=True
        )
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} took longer than {seconds:g} s") from None
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{command[0]} failed: {_reason(error.stderr)}") from None
    return finished.stdout + finished.stderr


def _reason(errors: str) -> str:
    """Return the line that says most: the last one of an error, or the last one."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    marked = [line for line in lines if line.lower().startswith(("error", "e:"))]
    return (marked or lines or ["it does not say why"])[-1]

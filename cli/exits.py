"""Exit codes, one for each kind of outcome."""

from __future__ import annotations

from enum import IntEnum

from skyflow.errors import ControllerUnavailable, SkyflowError, UsageError


class Exit(IntEnum):
    """What a command tells the shell."""

    OK = 0
    FAILED = 1
    """What was asked for was tried and did not work."""
    USAGE = 2
    """It cannot be done as asked: options, service YAML, names. Nothing was changed."""
    UNAVAILABLE = 3
    """Temporal, the worker or the balancer does not answer."""
    INTERRUPTED = 130
    """Ctrl-C; what was under way goes on."""


def exit_of(error: SkyflowError) -> Exit:
    """Return the exit code for an error."""
    if isinstance(error, UsageError):
        return Exit.USAGE
    if isinstance(error, ControllerUnavailable):
        return Exit.UNAVAILABLE
    return Exit.FAILED


class Interrupted(Exception):
    """The user pressed Ctrl-C; the message says what goes on and how to undo it."""

"""Running the body of a command: errors become messages and exit codes, never tracebacks."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

import click

from cli.exits import Exit, Interrupted, exit_of
from skyflow.config import Settings
from skyflow.errors import ControllerUnavailable, SkyflowError, SpecError, UsageError

P = ParamSpec("P")

Body = Callable[P, Coroutine[Any, Any, Exit | None]]


def entry(body: Body[P]) -> Callable[P, None]:
    """Make a click callback of a command's coroutine function.

    What it returns is the exit code (None is 0). With `as_json`, errors are printed as JSON on
    standard output.
    """

    @functools.wraps(body)
    def callback(*args: P.args, **kwargs: P.kwargs) -> None:
        code = _outcome(body(*args, **kwargs), as_json=bool(kwargs.get("as_json")))
        click.get_current_context().exit(code)

    return callback


def _outcome(coroutine: Coroutine[Any, Any, Exit | None], *, as_json: bool) -> Exit:
    try:
        return asyncio.run(coroutine) or Exit.OK
    except SkyflowError as error:
        error = with_cause(error)
        report(error, as_json=as_json)
        return exit_of(error)
    except Interrupted as interrupted:
        _say(str(interrupted))
        return Exit.INTERRUPTED
    except (KeyboardInterrupt, asyncio.CancelledError):
        return Exit.INTERRUPTED
    except (click.ClickException, click.Abort, BrokenPipeError):
        raise
    except OSError as error:
        if _debugging():
            raise
        report(refusal(error), as_json=as_json)
        return Exit.FAILED
    except Exception as error:
        if _debugging():
            raise
        report(_unexpected(error), as_json=as_json)
        return Exit.FAILED


def report(error: SkyflowError, *, as_json: bool) -> None:
    """Print an error: for people on standard error, or as JSON on standard output."""
    if as_json:
        from cli.render.documents import error as document
        from cli.terminal import show_document

        show_document(document(error))
        return
    from cli.render.faults import fault
    from cli.source import source_text
    from cli.terminal import news

    source = source_text(error.source) if isinstance(error, SpecError) else None
    news().print(fault(error, source), soft_wrap=True)


def with_cause(error: SkyflowError) -> SkyflowError:
    """Return an error with what is behind it, if that is a disk which takes nothing."""
    from skyflow.system_errors import write_problem

    if not isinstance(error, ControllerUnavailable):
        return error
    try:
        problem = write_problem(Settings.from_environment())
    except UsageError:
        return error
    if problem is None:
        return error
    return ControllerUnavailable(f"{problem.message}; so {error.message}", problem.remedy)


def refusal(error: OSError) -> SkyflowError:
    """Return what the operating system refused as an error that says what to do."""
    from skyflow.system_errors import reason, remedy

    where = f"{error.filename}: " if error.filename else ""
    otherwise = "correct that, and run the command again"
    return SkyflowError(f"{where}{reason(error)}", remedy(error, otherwise))


def _say(message: str) -> None:
    from cli.terminal import say

    say(message)


def _debugging() -> bool:
    return bool(click.get_current_context().find_root().params.get("debug"))


def _unexpected(error: Exception) -> SkyflowError:
    return SkyflowError(
        f"unexpected {type(error).__name__}: {error}",
        "this is a defect of skyflow: run `skyflow --debug ...` and report what it prints",
    )

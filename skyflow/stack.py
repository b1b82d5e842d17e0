"""The embedded stack, seen from a command: start it, stop it, say how it is.

The stack is a supervisor and what it runs: Temporal, a worker and a balancer. There is one per
installation, detached from the terminal that started it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

from skyflow.config import Settings
from skyflow.errors import StackError, StorageUnavailable, UsageError
from skyflow.processes import (
    STACK_VARIABLE,
    ProcessIdentity,
    end_processes,
    find_stack_members,
    find_supervisors,
    supervisor_marker,
)
from skyflow.stack_logs import tail
from skyflow.stack_state import (
    LONGEST_HOME,
    LOOPBACK,
    SUPERVISOR,
    ProcessState,
    StackProcess,
    StackState,
    log_path,
    make_directories,
    read_state,
    write_state,
)
from skyflow.system_errors import reason, remedy, write_problem
from skyflow.temporal import external_address

SUPERVISE = (sys.executable, "-P", "-m", "worker", "supervise")
"""Command that runs the supervisor; it takes `--bind ADDRESS`."""

Progress = Callable[[str], None]

_POLL_SECONDS = 0.03
_STOP_SECONDS = 90.0
"""More than the supervisor needs to end all its processes, each with its grace."""
_ALREADY_RUNNING = 75
"""Exit status of a supervisor that found another one at work."""


async def ensure_stack(
    settings: Settings,
    on_progress: Progress = lambda _: None,
    bind: str | None = None,
    timeout: float = 60,
    command: Sequence[str] = SUPERVISE,
) -> StackState:
    """Start the stack unless it runs, and wait until everything of it answers.

    Args:
        settings: Settings of the installation.
        on_progress: Told what is being waited for, in words.
        bind: Address for endpoints to listen on; by default that of the running or lost stack,
            else the loopback interface.
        timeout: Longest time (seconds) to wait.
        command: Command that runs the supervisor.

    Raises:
        StackError: It does not start, does not answer in time, or runs with other settings.
        StorageUnavailable: It cannot be started, because nothing can be written.
        UsageError: Temporal's configuration cannot be read, or the directory's path is too long.

    """
    _check_home(settings)
    state = read_state(settings)
    if state is None or not (state.ready and state.alive):
        state = await _started(settings, on_progress, bind, timeout, command)
    _check_fits(settings, state, bind)
    return state


async def stop_stack(
    settings: Settings, on_progress: Progress = lambda _: None, grace_seconds: float = 10
) -> bool:
    """End the stack and everything of it that still runs; return whether anything did.

    Args:
        settings: Settings of the installation.
        on_progress: Told what is being done, in words.
        grace_seconds: Time between SIGTERM and SIGKILL for processes without a supervisor; a
            supervisor has its own for each.

    Raises:
        StackError: Something of it does not end.

    """
    state = read_state(settings)
    supervisors = _supervisors(settings, state)
    if supervisors:
        external = state is not None and state.external
        what = "balancer and the worker" if external else "balancer, the worker and Temporal"
        on_progress(f"Stopping the {what}")
        if not await end_processes(supervisors, _STOP_SECONDS):
            raise StackError(
                f"the stack's supervisor (process {supervisors[0].pid}) does not end",
                f"see {log_path(settings, SUPERVISOR)}",
            )
    orphans = [member.identity for member in find_stack_members(settings.home)]
    if not await end_processes(orphans, grace_seconds):
        left = ", ".join(str(process.pid) for process in orphans if process.alive)
        raise StackError(f"processes of the stack do not end: {left}", "end them with `kill -9`")
    last = read_state(settings)
    if last is not None and last.supervisor is not None:
        _note_stop(settings, last)
    return bool(supervisors or orphans)


def _supervisors(settings: Settings, state: StackState | None) -> list[ProcessIdentity]:
    # What one wrote down may be damaged or gone while it lives, and one may be run by hand.
    found = {each.pid: each for each in find_supervisors(settings.home)}
    if state and state.supervisor and state.alive:
        found[state.supervisor.pid] = state.supervisor
    return list(found.values())


def _note_stop(settings: Settings, last: StackState) -> None:
    try:
        write_state(settings, _stopped(last))
    except OSError as error:
        raise StackError(
            f"the stack is stopped, but that cannot be noted in {settings.stack}: {reason(error)}",
            remedy(error, "make the directory writable"),
        ) from error


def _check_home(settings: Settings) -> None:
    length = len(os.fsencode(settings.home))
    if length > LONGEST_HOME:
        raise UsageError(
            f"the path of {settings.home} has {length} bytes; allowed: at most {LONGEST_HOME}",
            "set SKYFLOW_HOME to a shorter path",
        )


async def _started(
    settings: Settings,
    on_progress: Progress,
    bind: str | None,
    timeout: float,
    command: Sequence[str],
) -> StackState:
    _prepare_home(settings)
    deadline = time.monotonic() + timeout
    supervisor: subprocess.Popen[bytes] | None = None
    reported: set[str] = set()
    while time.monotonic() < deadline:
        state = read_state(settings)
        if state is not None and state.alive:
            _report(state, reported, on_progress)
            if state.ready:
                return state
        elif supervisor is None or supervisor.poll() == _ALREADY_RUNNING:
            if supervisor is None:
                temporal = "" if external_address() else "Temporal, "
                on_progress(f"Starting {temporal}the worker and the balancer")
            supervisor = _spawn(settings, bind or (state.bind if state else LOOPBACK), command)
        elif supervisor.poll() is not None:
            raise _failed(settings, "the stack's supervisor ended at once", SUPERVISOR)
        await asyncio.sleep(_POLL_SECONDS)
    raise _late(settings, timeout)


def _prepare_home(settings: Settings) -> None:
    try:
        make_directories(settings)
    except OSError as error:
        raise StorageUnavailable(
            f"{settings.home} cannot be made or used: {reason(error)}",
            remedy(error, "choose another directory with SKYFLOW_HOME"),
        ) from error
    if problem := write_problem(settings):
        raise problem


def _spawn(settings: Settings, bind: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    started = [*command, "--bind", bind]
    try:
        with log_path(settings, SUPERVISOR).open("ab") as log:
            process = subprocess.Popen(
                started,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=settings.home,
                env=_environment(settings, started),
                start_new_session=True,
            )
    except OSError as error:
        raise StackError(
            f"the stack could not be started in {settings.home}: {reason(error)}",
            remedy(error, "choose another directory with SKYFLOW_HOME"),
        ) from error
    # Outlives this process in most cases; in a long-lived one it must be waited for once it ends.
    threading.Thread(target=process.wait, daemon=True, name="stack supervisor").start()
    return process


def _report(state: StackState, reported: set[str], on_progress: Progress) -> None:
    for process in state.processes:
        if process.state is ProcessState.READY and process.name not in reported:
            reported.add(process.name)
            on_progress(f"{process.name} is ready")


def _check_fits(settings: Settings, state: StackState, bind: str | None) -> None:
    if bind is not None and bind != state.bind:
        raise StackError(
            f"the stack runs with endpoints on {state.bind}, not {bind}",
            "run `skyflow stack down` first",
        )
    external = external_address()
    if external != state.external:
        raise StackError(
            f"the stack runs with Temporal at {state.external or 'its own server'}, "
            f"and the environment asks for {external or 'its own server'}",
            "run `skyflow stack down` first, or change TEMPORAL_ADDRESS",
        )
    if settings.bucket_url != state.bucket_url:
        here = settings.store
        raise StackError(
            f"the stack keeps its files in {state.bucket_url or here}, and the environment asks "
            f"for {settings.bucket_url or here}",
            "change SKYFLOW_STORE; or, if no service runs, run `skyflow stack down` first",
        )


def _stopped(state: StackState) -> StackState:
    processes = tuple(StackProcess(name=process.name) for process in state.processes)
    return state.model_copy(
        update={"supervisor": None, "stopping": False, "bind": LOOPBACK, "processes": processes}
    )


def _late(settings: Settings, timeout: float) -> StackError:
    state = read_state(settings)
    waiting = [
        process.name
        for process in (state.processes if state else ())
        if process.state is not ProcessState.READY
    ]
    message = f"the stack did not answer within {timeout:g} s"
    if waiting:
        return _failed(settings, f"{message}: waiting for {', '.join(waiting)}", waiting[-1])
    return _failed(settings, message, SUPERVISOR)


def _failed(settings: Settings, message: str, process: str) -> StackError:
    log = log_path(settings, process)
    lines = tail(log, 10)
    shown = f"; the last lines of its log:\n{lines}" if lines else ""
    return StackError(f"{message}{shown}", f"see {log}, then try `skyflow stack up` again")


def _environment(settings: Settings, command: Sequence[str]) -> dict[str, str]:
    own = {"SKYFLOW_HOME": str(settings.home), STACK_VARIABLE: supervisor_marker(command)}
    return {**os.environ, **own}

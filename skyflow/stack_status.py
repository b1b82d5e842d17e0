"""How the embedded stack is: what `skyflow stack status` shows."""

from __future__ import annotations

import time

from skyflow.config import Settings
from skyflow.processes import ProcessIdentity
from skyflow.records import Record
from skyflow.stack_state import (
    SUPERVISOR,
    ProcessState,
    StackPhase,
    StackProcess,
    StackState,
    log_path,
    read_state,
)
from skyflow.system_errors import write_problem


class ProcessStatus(Record):
    """How one process of the stack is."""

    name: str
    state: ProcessState
    pid: int | None = None
    restarts: int = 0
    """How often it was started again since its supervisor started."""
    last_exit: int | None = None
    """Exit status of the last run; negative for the number of a signal."""
    uptime_seconds: float | None = None
    resident_bytes: int | None = None
    """Memory it holds."""
    address: str = ""
    """Where it listens, if anywhere."""
    log: str
    """Path of its log."""


class StackStatus(Record):
    """How the stack is."""

    phase: StackPhase
    problem: str = ""
    """Why nothing can be written where skyflow keeps its files, if that is so."""
    version: str = ""
    """Version of skyflow that runs."""
    bind: str = ""
    """Address that endpoints listen on."""
    temporal_address: str | None = None
    external: bool = False
    """Whether Temporal is one that was configured, not the stack's own."""
    ui_url: str | None = None
    """Temporal's web UI."""
    admin_url: str | None = None
    """The balancer's own paths: health, metrics."""
    processes: tuple[ProcessStatus, ...] = ()


def stack_status(settings: Settings) -> StackStatus:
    """Return how the stack is now."""
    state = read_state(settings)
    found = write_problem(settings)
    problem = f"{found.message}; {found.remedy}" if found else ""
    if state is None:
        return StackStatus(phase=StackPhase.STOPPED, problem=problem)
    phase = _phase(state)
    if phase is StackPhase.STOPPED:
        return StackStatus(phase=phase, problem=problem, version=state.version)
    supervisor = StackProcess(name=SUPERVISOR, state=ProcessState.READY, identity=state.supervisor)
    now = time.time()
    return StackStatus(
        phase=phase,
        problem=problem,
        version=state.version,
        bind=state.bind,
        temporal_address=state.temporal_address,
        external=state.external is not None,
        ui_url=state.ui_url,
        admin_url=state.admin_url,
        processes=tuple(
            _process_status(settings, process, now) for process in (supervisor, *state.processes)
        ),
    )


def _phase(state: StackState) -> StackPhase:
    if state.supervisor is None:
        return StackPhase.STOPPED
    if not state.alive:
        return StackPhase.LOST
    return StackPhase.STOPPING if state.stopping else StackPhase.RUNNING


def _process_status(settings: Settings, process: StackProcess, now: float) -> ProcessStatus:
    identity = _living(process.identity)
    log = str(log_path(settings, process.name))
    if identity is None:
        ended = process.state if process.state is ProcessState.WAITING else ProcessState.STOPPED
        return ProcessStatus(
            name=process.name,
            state=ended,
            restarts=process.restarts,
            last_exit=process.last_exit,
            log=log,
        )
    return ProcessStatus(
        name=process.name,
        state=process.state,
        pid=identity.pid,
        restarts=process.restarts,
        last_exit=process.last_exit,
        uptime_seconds=max(0.0, now - identity.created_at),
        resident_bytes=identity.resident_bytes,
        address=process.address,
        log=log,
    )


def _living(identity: ProcessIdentity | None) -> ProcessIdentity | None:
    return identity if identity is not None and identity.alive else None

"""What is known of the embedded stack: the record its supervisor keeps on disk."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from skyflow.config import LONGEST_SOCKET_PATH, Settings
from skyflow.durable_files import replace_file
from skyflow.processes import ProcessIdentity
from skyflow.records import Record

LOOPBACK = "127.0.0.1"
LONGEST_HOME = LONGEST_SOCKET_PATH - len("/balancer/control.sock")
"""Longest path of an installation's directory in bytes: the balancer has a socket below it."""
SUPERVISOR = "supervisor"
"""Name of the process that starts and watches the others."""


class ProcessState(StrEnum):
    """How a process of the stack is doing."""

    STARTING = "starting"
    """Runs, and does not answer yet."""
    READY = "ready"
    WAITING = "waiting"
    """Ended, and is started again after a delay."""
    STOPPED = "stopped"


class StackPhase(StrEnum):
    """How the stack as a whole is doing."""

    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    LOST = "lost"
    """Its supervisor was killed; the next command starts another one."""


class StackPorts(Record):
    """Ports on the loopback interface that the stack listens on."""

    temporal: int
    ui: int
    """Temporal's web UI."""
    admin: int
    """The balancer's own paths: health, metrics."""


class StackProcess(Record):
    """One process of the stack."""

    name: str
    state: ProcessState = ProcessState.STOPPED
    identity: ProcessIdentity | None = None
    restarts: int = 0
    """How often it was started again since its supervisor started."""
    last_exit: int | None = None
    """Exit status of the last run; negative for the number of a signal."""
    address: str = ""
    """Where it listens, if anywhere."""


class StackState(Record):
    """The embedded stack, as its supervisor last wrote it down."""

    supervisor: ProcessIdentity | None = None
    stopping: bool = False
    version: str = ""
    """Version of skyflow that runs."""
    ports: StackPorts
    bind: str = LOOPBACK
    """Address that endpoints listen on."""
    external: str | None = None
    """Address of the Temporal used in place of the embedded one."""
    bucket_url: str | None = None
    """Bucket that is the store, if one is."""
    processes: tuple[StackProcess, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether the stack has a living supervisor."""
        return self.supervisor is not None and self.supervisor.alive

    @property
    def ready(self) -> bool:
        """Whether everything of the stack answers."""
        states = [process.state for process in self.processes]
        return not self.stopping and bool(states) and set(states) == {ProcessState.READY}

    @property
    def temporal_address(self) -> str:
        """Address (host:port) of the Temporal server that the stack uses."""
        return self.external or f"{LOOPBACK}:{self.ports.temporal}"

    @property
    def ui_url(self) -> str | None:
        """Address of Temporal's web UI, None if an external Temporal is used."""
        return None if self.external else f"http://{LOOPBACK}:{self.ports.ui}"

    @property
    def admin_url(self) -> str:
        """Address of the balancer's own paths."""
        return f"http://{LOOPBACK}:{self.ports.admin}"

    def process(self, name: str) -> StackProcess | None:
        """Return the process of that name."""
        return next((process for process in self.processes if process.name == name), None)


def read_state(settings: Settings) -> StackState | None:
    """Return the stack's state; None if there never was a stack, or it cannot be understood."""
    try:
        return StackState.model_validate_json(state_path(settings).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def write_state(settings: Settings, state: StackState) -> None:
    """Replace the stack's state in one step, so that a reader never sees half of it."""
    replace_file(state_path(settings), state.model_dump_json(indent=2).encode())


def state_path(settings: Settings) -> Path:
    """Return the file of the stack's state."""
    return settings.stack / "state.json"


def lock_path(settings: Settings) -> Path:
    """Return the file that a supervisor holds locked for its life."""
    return settings.stack / "supervisor.lock"


def log_path(settings: Settings, process: str) -> Path:
    """Return the log of a process of the stack; `supervisor` has one too."""
    return settings.stack / "logs" / f"{process}.log"


def make_directories(settings: Settings) -> None:
    """Make the stack's directories; histories and logs are readable by their owner only."""
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.stack.mkdir(mode=0o700, exist_ok=True)
    (settings.stack / "logs").mkdir(exist_ok=True)

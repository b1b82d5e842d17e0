"""The directory of a machine, as its own process and whoever launches or ends it see it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from skyflow.clouds.local import liveness
from skyflow.clouds.local.way_out import WayOut

_MARK_SECONDS = 7 * 24 * 3600
"""How long it is remembered that a machine was ended: far longer than any launch may take."""


ENDED = ".ended"
"""Directory with a mark for each machine that was told to end."""
REMOVING = ".removing"
"""Directory of what is being removed of machines."""
_NAME_FORM = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class Plan:
    """What a machine is started with; goes through a pipe, because it holds a private key."""

    own_network: bool
    port: int
    """Port that the service wants to listen on."""
    user: str
    """Name of the computer's user who started it."""
    host_private_key: str = field(repr=False)
    authorized_key: str
    way_out: WayOut | None = None
    """How to reach what is beyond the computer from a network of its own."""

    def to_json(self) -> bytes:
        """Return the plan as JSON."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def from_json(text: bytes) -> Plan:
        """Read a plan."""
        fields = json.loads(text)
        way_out = fields.pop("way_out")
        return Plan(**fields, way_out=WayOut.from_fields(way_out) if way_out else None)


@dataclass(frozen=True)
class Contact:
    """How to reach a machine that is ready."""

    address: str
    ssh_port: int
    ssh_user: str
    replica_port: int
    interface: str | None
    """Its network interface on the computer's side, if its network is its own."""


class MachineDirectory:
    """A machine's directory. It is made once and never used again after the machine was ended."""

    def __init__(self, machines: Path, name: str) -> None:
        self.name = name
        self.path = machines / name
        self.home = self.path / "home"
        self.log = self.path / "log"
        self.lock = self.path / "lock"
        self.notice = self.path / "notice"
        self._contact = self.path / "contact.json"
        self._ended = machines / ENDED / name
        self._removing = machines / REMOVING / name

    @property
    def ended(self) -> bool:
        """Whether the machine was told to end; it must not start any more."""
        return self._ended.exists()

    @property
    def holder(self) -> int | None:
        """Id of the process that is the machine, if it lives."""
        return liveness.holder(self.lock)

    @property
    def contact(self) -> Contact | None:
        """How to reach the machine; None as long as it has not been ready."""
        # Damaged if the computer lost power meanwhile, and then there is no machine to reach.
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
            return Contact(**json.loads(self._contact.read_text()))
        return None

    def create(self) -> None:
        """Make the directory, or what is missing of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.home.mkdir(mode=0o700, exist_ok=True)

    def publish(self, contact: Contact) -> None:
        """Write how to reach the machine, all at once."""
        draft = self._contact.with_suffix(".new")
        draft.write_text(json.dumps(asdict(contact)))
        draft.replace(self._contact)

    def mark_ended(self) -> None:
        """Keep the machine from ever starting again."""
        self._ended.parent.mkdir(parents=True, exist_ok=True)
        self._ended.touch()
        _prune(self._ended.parent)

    def open_log(self) -> BinaryIO:
        """Open the machine's own log for adding to it.

        Raises:
            OSError: The directory is gone, or not writable.

        """
        return self.log.open("ab")

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the machine's own log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def remove(self) -> None:
        """Take the directory out of sight, then remove it, also one that a crash left half gone."""
        self._removing.parent.mkdir(parents=True, exist_ok=True)
        self._discard()
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(self._removing)
        self._discard()

    def _discard(self) -> None:
        # Several may remove the same tree at once and find parts of it gone.
        while self._removing.exists():
            with contextlib.suppress(FileNotFoundError):
                remove_tree(self._removing)


def is_name(name: str) -> bool:
    """Say whether a machine can have this name."""
    return _NAME_FORM.fullmatch(name) is not None


def names_in(machines: Path) -> Sequence[str]:
    """Return the names of machines of which there are files, however few, in order."""
    found = {path.name for path in (*_entries(machines), *_entries(machines / REMOVING))}
    return sorted(name for name in found if is_name(name))


def _entries(path: Path) -> Sequence[Path]:
    try:
        return [entry for entry in path.iterdir() if entry.is_dir()]
    except FileNotFoundError:
        return []


def remove_tree(path: Path) -> None:
    """Remove a directory with all that is in it.

    Raises:
        FileNotFoundError: Part of it is gone, or all.
        OSError: It cannot be removed.

    """
    try:
        shutil.rmtree(path)
    except PermissionError:
        # Tools such as Go's module cache leave directories that their owner cannot write to.
        for parent, _, _ in os.walk(path):
            Path(parent).chmod(0o700)
        shutil.rmtree(path)


def _prune(marks: Path) -> None:
    oldest = time.time() - _MARK_SECONDS
    for mark in marks.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if mark.stat().st_mtime < oldest:
                mark.unlink()

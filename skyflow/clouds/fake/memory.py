"""The memory of a fake cloud: a file that any number of processes share."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from skyflow.clouds.fake.market import FakeState


class Memory:
    """The state of a fake cloud, in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / "state.json"

    @contextlib.contextmanager
    def change(self) -> Iterator[FakeState]:
        """Give the state to look at and change; what was changed is kept also after an error."""
        self._directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self._load()
            before = state.model_copy(deep=True)
            try:
                yield state
            finally:
                if state != before or not self._file.exists():
                    self.save(state)
        finally:
            os.close(lock)

    def save(self, state: FakeState) -> None:
        """Keep what has been changed so far; only for one who is changing the state."""
        draft = self._file.with_suffix(".new")
        draft.write_text(state.model_dump_json())
        draft.replace(self._file)

    def _load(self) -> FakeState:
        try:
            return FakeState.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return FakeState(started_at=time.time())

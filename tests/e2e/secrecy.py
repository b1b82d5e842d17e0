"""Looking for a value everywhere it could have been written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from temporalio.client import Client


@dataclass
class Sampled:
    """What was seen of process listings while a body ran."""

    samples: int = 0
    words: set[str] = field(default_factory=set)
    """Every command line that a process had."""


@contextmanager
def sampled_processes() -> Iterator[Sampled]:
    """Read the command lines of all processes again and again while the body runs."""
    sampled, stopped = Sampled(), threading.Event()

    def sample() -> None:
        while not stopped.wait(0.05):
            for process in psutil.process_iter(["cmdline"]):
                sampled.words.add(" ".join(process.info["cmdline"] or ()))
            sampled.samples += 1

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield sampled
    finally:
        stopped.set()
        thread.join()


async def histories(temporal: Client) -> dict[str, bytes]:
    """Return all that Temporal keeps of each workflow run: description, memo, every event."""
    found = {}
    async for execution in temporal.list_workflows():
        handle = temporal.get_workflow_handle(execution.id, run_id=execution.run_id)
        description = (await handle.describe()).raw_description.SerializeToString()
        events = [event.SerializeToString() async for event in handle.fetch_history_events()]
        found[f"{execution.id} {execution.run_id}"] = b"\n".join([description, *events])
    return found


def files_holding(folder: Path, value: str) -> set[Path]:
    """Return the files below a folder that hold a value, as paths relative to it.

    The homes of machines are left out: a replica has its environment there, for itself alone.
    """
    homes = folder / "machines"
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file()
        and not (path.is_relative_to(homes) and "home" in path.relative_to(homes).parts)
        and value.encode() in _content(path)
    }


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""

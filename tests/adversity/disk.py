"""A small disk in a mount namespace of its own, that can be filled and made read-only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

DISK_MEGABYTES = 64
_NAMESPACE = ("unshare", "--mount") if os.getuid() == 0 else ("unshare", "--mount", "-r")
_MOUNT = f'mount -t tmpfs -o size={DISK_MEGABYTES}m,mode=700 skyflow "$0" && echo && exec cat'


@dataclass(frozen=True)
class Disk:
    """A disk that only those see who enter its namespace."""

    path: Path
    """Where it is, for those who have entered."""
    keeper: int
    """Id of the process that keeps the namespace."""

    @property
    def outside(self) -> Path:
        """Where it is, for everybody else."""
        return Path(f"/proc/{self.keeper}/root{self.path}")

    @property
    def enter(self) -> tuple[str, ...]:
        """Words before a command that is to see the disk."""
        users = () if os.getuid() == 0 else ("--user", "--preserve-credentials")
        return ("nsenter", f"--target={self.keeper}", "--mount", *users, "--")

    @contextmanager
    def full(self) -> Iterator[None]:
        """Fill it to the last byte."""
        filler = self.outside / "filler"
        try:
            for block in (2**20, 2**12, 1):
                _append_until_full(filler, block)
            yield
        finally:
            filler.unlink()

    @contextmanager
    def read_only(self, directory: Path) -> Iterator[None]:
        """Let nothing be written below a directory of it."""
        where = str(directory)
        self._run("mount", "--bind", where, where)
        try:
            self._run("mount", "-o", "remount,bind,ro", where)
            yield
        finally:
            self._run("umount", "--lazy", where)

    def _run(self, *command: str) -> None:
        subprocess.run([*self.enter, *command], check=True)


def mounts_are_possible() -> bool:
    """Return whether this user may have a disk of his own."""
    command = [*_NAMESPACE, "mount", "-t", "tmpfs", "skyflow", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@asynccontextmanager
async def small_disk(path: Path) -> AsyncIterator[Disk]:
    """Mount a disk at a directory; it is gone with the last process that has entered."""
    keeper = await asyncio.create_subprocess_exec(
        *(*_NAMESPACE, "sh", "-c", _MOUNT, str(path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        assert await keeper.stdout.readline() == b"\n"
        yield Disk(path, keeper.pid)
    finally:
        keeper.stdin.close()
        await keeper.wait()


def _append_until_full(path: Path, block: int) -> None:
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        while file.write(bytes(block)) == block:
            continue

"""Snapshots of directories and files: what a replica runs, byte for byte, also in a month."""

from __future__ import annotations

import asyncio
import errno
import gzip
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from skyflow.errors import StorageUnavailable, UsageError
from skyflow.storage.ignore import IgnoreRules
from skyflow.system_errors import reason, remedy

if TYPE_CHECKING:
    from hashlib import _Hash

_COMPRESSION = 1
"""Level of gzip: model weights hardly shrink, and a higher level takes several times as long."""

_OF_THE_TARGET = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""What cannot be the fault of the files that are read."""


@dataclass(frozen=True)
class Snapshot:
    """A tar.gz file of a directory or of one file."""

    digest: str
    """SHA-256 (hexadecimal) of names, contents and modes; times do not count."""
    path: Path
    """The archive: a temporary file that belongs to the caller."""
    size: int
    """Size of the archive in bytes."""
    is_file: bool
    """Whether the source is one file; the archive then has that file alone."""


async def snapshot(source: Path, directory: Path | None = None, *, ignore: bool = True) -> Snapshot:
    """Take a snapshot in a thread. Equal sources give equal digests, on any computer.

    Args:
        source: A directory or a file.
        directory: Where the archive is made; that for temporary files if None.
        ignore: Whether files such as .gitignore say what is left out. `.git` always is.

    Raises:
        UsageError: The source is missing or unreadable, or has something in it that is neither
            file, directory nor symbolic link.
        StorageUnavailable: There is no room for the archive.

    """
    return await asyncio.to_thread(_take, source, directory, ignore)


def _take(source: Path, directory: Path | None, ignore: bool) -> Snapshot:
    descriptor, name = tempfile.mkstemp(".tar.gz", "skyflow-snapshot-", directory)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file, _reported(source):
            digest = _write(source, file, ignore)
        return Snapshot(digest, path, path.stat().st_size, source.is_file())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write(source: Path, file: BinaryIO, ignore: bool) -> str:
    digest = sha256()
    with (
        gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as compressed,
        tarfile.open(mode="w|", fileobj=compressed, format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, relative in _entries(source, ignore):
            _add(archive, digest, path, relative)
    return digest.hexdigest()


def _entries(source: Path, ignore: bool) -> Iterator[tuple[Path, str]]:
    """Yield what belongs to a snapshot, with its name there, in an order that never varies."""
    if source.is_file():
        # A link is followed here: what is wanted is the file.
        yield source.resolve(), source.name
    else:
        yield from _walk(source, "", IgnoreRules(source, told=ignore))


def _walk(directory: Path, relative: str, rules: IgnoreRules) -> Iterator[tuple[Path, str]]:
    rules.enter(directory, relative)
    for entry in sorted(os.scandir(directory), key=lambda entry: os.fsencode(entry.name)):
        name = f"{relative}/{entry.name}" if relative else entry.name
        is_directory = entry.is_dir(follow_symlinks=False)
        if rules.leaves_out(name, is_directory):
            continue
        yield Path(entry.path), name
        if is_directory:
            yield from _walk(Path(entry.path), name, rules)


def _add(archive: tarfile.TarFile, digest: _Hash, path: Path, name: str) -> None:
    status = path.lstat()
    entry = tarfile.TarInfo(name)
    entry.mode = _mode(status.st_mode)
    # Kept, though no part of the digest: servers tell browsers by it whether a file changed.
    entry.mtime = int(status.st_mtime)
    if stat.S_ISLNK(status.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
        entry.mode = 0o777
    elif stat.S_ISDIR(status.st_mode):
        entry.type = tarfile.DIRTYPE
    elif not stat.S_ISREG(status.st_mode):
        raise UsageError(
            f"{path} is neither a file, a directory nor a symbolic link",
            "remove it, or name it in .skyflowignore",
        )
    _hash_fields(digest, name, entry.type, entry.mode, entry.linkname)
    if not entry.isreg():
        archive.addfile(entry)
        return
    with path.open("rb") as file:
        entry.size = os.fstat(file.fileno()).st_size
        content = _HashedReader(file)
        archive.addfile(entry, cast("BinaryIO", content))
    digest.update(content.digest.digest())


def _mode(mode: int) -> int:
    """Return the mode without what depends on the umask; a private file stays private."""
    readable = 0o777 if mode & 0o077 else 0o700
    runnable = 0o755 if mode & 0o111 or stat.S_ISDIR(mode) else 0o644
    return readable & runnable


def _hash_fields(digest: _Hash, name: str, kind: bytes, mode: int, link: str) -> None:
    for field in (os.fsencode(name), kind, b"%o" % mode, os.fsencode(link)):
        digest.update(len(field).to_bytes(8, "big") + field)


class _HashedReader:
    """A file that is hashed while it is read, so that digest and archive never differ."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


@contextmanager
def _reported(source: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(
            f"{error.filename or source} does not exist", "correct the path in the YAML"
        ) from None
    except OSError as error:
        if error.errno in _OF_THE_TARGET:
            raise StorageUnavailable(
                f"cannot keep a snapshot of {source} in {tempfile.gettempdir()}: {reason(error)}",
                remedy(error, "make room there, or set TMPDIR to another directory"),
            ) from error
        raise UsageError(
            f"cannot take a snapshot of {error.filename or source}: {error.strerror or error}",
            "make it readable, and leave it unchanged while it is read",
        ) from error

"""Files that are there whole after a loss of power, or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in the place of another in one step, readable by its owner only.

    Raises:
        OSError: It could not be written; the old one is still there.

    """
    draft = _draft(path, content)
    try:
        draft.replace(path)
    except BaseException:
        draft.unlink()
        raise
    sync_directory(path.parent)


def create_file(path: Path, content: bytes) -> bool:
    """Make a file, readable by its owner only; return False if the name is taken.

    A link, unlike a rename, never replaces what another process made meanwhile.

    Raises:
        OSError: It could not be written; nothing was made.

    """
    draft = _draft(path, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    sync_directory(path.parent)
    return True


def sync_file(path: Path) -> None:
    """Make sure that a file's content is on the disk.

    Raises:
        OSError: The disk is full or broken.

    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make sure that the names in a directory are on the disk.

    Raises:
        OSError: The disk is full or broken.

    """
    sync_file(path)


def sync_tree(root: Path, tree: Path) -> None:
    """Make sure that everything below a directory is on the disk, and its name below the root too.

    Raises:
        OSError: The disk is full or broken.

    """
    for directory, _, files in os.walk(tree):
        for name in files:
            sync_file(Path(directory) / name)
        sync_directory(Path(directory))
    for parent in tree.parents:
        sync_directory(parent)
        if parent == root:
            return


def _draft(path: Path, content: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        # What made the write fail may make this fail too, and is what has to be told.
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    return Path(name)

"""What was at a URL when a service was deployed, so that a machine in a month gets just that."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from skyflow.errors import UsageError
from skyflow.records import Record

MAX_FILES = 100_000
"""Most files of one source: each is asked for by a URL of its own."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class PinnedFile(Record):
    """One file as it was found, without its content."""

    path: str
    """Path below the target; the name of the file if the source is one file."""
    key: str = ""
    """Key in the bucket; empty for what has a URL of its own."""
    size: int | None = None
    """Size in bytes; None if it is not known."""
    etag: str = ""
    """What the server calls this content; empty if it does not say."""
    modified: str = ""
    """When the server says that it changed last, as it says it; empty if it does not."""


class PinnedSource(Record):
    """Files at a URL."""

    url: str
    """As the service YAML names it. It may hold a secret: stored encrypted, shown never."""
    is_file: bool
    """Whether it is one file and not a directory."""
    files: tuple[PinnedFile, ...]
    region: str = ""
    """Region of the bucket, if it is in one."""
    anonymous: bool = False
    """Whether it is read without credentials."""

    @property
    def size(self) -> int:
        """Size of all files in bytes, as far as it is known."""
        return sum(file.size or 0 for file in self.files)


def shown_url(url: str) -> str:
    """Return a URL for people to read: without user, password and query, which may be secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def directory_of(url: str, files: Iterable[PinnedFile]) -> tuple[PinnedFile, ...]:
    """Return the files of a directory, sorted.

    Raises:
        UsageError: There are none, too many, or some that no machine could have.

    """
    found = tuple(sorted(files, key=lambda file: file.path))
    if not found:
        raise UsageError(f"there is nothing at {shown_url(url)}", "correct the URL")
    if len(found) > MAX_FILES:
        raise UsageError(
            f"{shown_url(url)} has more than {MAX_FILES} files", "pack them into an archive"
        )
    for file in found:
        check_path(url, file.path)
    return found


def check_path(url: str, path: str) -> None:
    """Refuse a path that leads out of its directory, or that no file can have.

    Raises:
        UsageError: It is such a path.

    """
    if _CONTROL.search(path) or any(part in ("", ".", "..") for part in path.split("/")):
        raise UsageError(
            f"{shown_url(url)} has an object {path!r}, which cannot be a file below a directory",
            "rename the object, or name a directory that does not have it",
        )

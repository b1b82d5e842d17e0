"""Snapshots from the store, put in place on a machine."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterable

import asyncssh

from skyflow.remote.ssh import run
from skyflow.storage.specs import WORKDIR_TARGET, Artifact
from skyflow.storage.store import Store

# An absolute target may need rights that the login user has through sudo only.
_MAKE_DIRECTORY = """\
make_directory() {
  mkdir -p "$1" 2>/dev/null && [ -w "$1" ] && return
  sudo -n mkdir -p "$1" && sudo -n chown "$(id -u):$(id -g)" "$1"
}
"""

_UNPACK_DIRECTORY = """\
make_directory "$target" && tar -xzof - -C "$target"
"""

# Unpacked beside its place and then renamed: the file is never seen half written.
_UNPACK_FILE = """\
case $target in */) make_directory "$target" ;; esac
if [ -d "$target" ]; then directory=$target; else directory=$(dirname "$target"); fi
make_directory "$directory" || exit 1
staging=$(mktemp -d "$directory/.skyflow-XXXXXXXX") || exit 1
trap 'rm -rf "$staging"' EXIT
tar -xzof - -C "$staging" && mv -f "$staging/$(ls -A "$staging")" "$target"
"""


async def send_artifact(
    connection: asyncssh.SSHClientConnection, store: Store, artifact: Artifact
) -> None:
    """Put stored files at their target.

    Raises:
        CommandFailed: They could not be put there.
        ConnectionFailed: The connection was lost.
        StorageError: They could not be read from the store.

    """
    send = send_file if artifact.is_file else send_directory
    await send(connection, store.stream(artifact.key), artifact.target)


async def send_directory(
    connection: asyncssh.SSHClientConnection, archive: AsyncIterable[bytes], target: str
) -> None:
    """Unpack a tar.gz archive into a directory, which is made if there is none.

    Raises:
        CommandFailed: It could not be unpacked there.
        ConnectionFailed: The connection was lost.
        StorageError: The archive could not be read.

    """
    await run(connection, _MAKE_DIRECTORY + _assign(target) + _UNPACK_DIRECTORY, archive)


async def send_file(
    connection: asyncssh.SSHClientConnection, archive: AsyncIterable[bytes], target: str
) -> None:
    """Put the one file of a tar.gz archive at its target; into it, if that is a directory.

    Raises:
        CommandFailed: It could not be put there.
        ConnectionFailed: The connection was lost.
        StorageError: The archive could not be read.

    """
    await run(connection, _MAKE_DIRECTORY + _assign(target) + _UNPACK_FILE, archive)


def shell_path(target: str) -> str:
    """Return a path on a machine as a bash word: `~` is home, the rest is taken literally.

    Relative paths start at the workdir.
    """
    if not target.startswith(("/", "~/")) and target != "~":
        target = f"{WORKDIR_TARGET}/{target}"
    if target.startswith("~"):
        return '"$HOME"' + (shlex.quote(target[1:]) if target != "~" else "")
    return shlex.quote(target)


def _assign(target: str) -> str:
    return f"target={shell_path(target)}\n"

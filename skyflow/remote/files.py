"""Snapshots and files from elsewhere, put in place on a machine."""

from __future__ import annotations

import logging
import shlex

import asyncssh

from skyflow.errors import CommandFailed
from skyflow.remote.downloads import URL_SECONDS, fetch_source, request_config
from skyflow.remote.ssh import run
from skyflow.storage.sources.pinned import PinnedSource
from skyflow.storage.specs import WORKDIR_TARGET, Artifact
from skyflow.storage.store import Store

_RETRIES = 1
"""How often a snapshot is asked for again that may as well go over SSH."""
_logger = logging.getLogger(__name__)

# An absolute target may need rights that the login user has through sudo only.
MAKE_DIRECTORY = """\
make_directory() {
  mkdir -p "$1" 2>/dev/null && [ -w "$1" ] && return
  sudo -n mkdir -p "$1" && sudo -n chown "$(id -u):$(id -g)" "$1"
}
"""
"""Defines `make_directory`, which makes a directory that the login user can write to."""

_FROM_STDIN = "archive() { cat; }\n"
_FROM_URL = """\
set -o pipefail
archive() { curl --show-error --config -; }
"""

_UNPACK_DIRECTORY = """\
make_directory "$target" && archive | tar -xzof - -C "$target"
"""

# Unpacked beside its place and then renamed: the file is never seen half written.
_UNPACK_FILE = """\
case $target in */) make_directory "$target" ;; esac
if [ -d "$target" ]; then directory=$target; else directory=$(dirname "$target"); fi
make_directory "$directory" || exit 1
staging=$(mktemp -d "$directory/.skyflow-XXXXXXXX") || exit 1
trap 'rm -rf "$staging"' EXIT
archive | tar -xzof - -C "$staging" && mv -f "$staging/$(ls -A "$staging")" "$target"
"""


async def send_artifact(
    connection: asyncssh.SSHClientConnection, store: Store, artifact: Artifact
) -> None:
    """Put stored files at their target.

    The machine fetches them from a bucket itself. If it cannot, or the store is no bucket, it gets
    them over SSH.

    Raises:
        CommandFailed: They could not be put there.
        ConnectionFailed: The connection was lost.
        StorageError: They could not be read from the store.

    """
    url = await store.url(artifact.key, URL_SECONDS)
    if url is not None:
        try:
            # By stdin: the URL is as good as the file, and others may see the command.
            config = request_config(url, _RETRIES).encode()
            await run(connection, _FROM_URL + _unpacking(artifact), config)
        except CommandFailed as error:
            _logger.info("%s goes over SSH: %s", artifact.target, error.message)
        else:
            return
    await run(connection, _FROM_STDIN + _unpacking(artifact), store.stream(artifact.key))


async def send_source(
    connection: asyncssh.SSHClientConnection, source: PinnedSource, target: str
) -> None:
    """Let a machine fetch the files of a source and put them at their target.

    Raises:
        CommandFailed: They could not be fetched, or are not those that were found at `up`.
        ConnectionFailed: The connection was lost.
        StorageUnavailable: There are no credentials to sign URLs with.

    """
    await fetch_source(connection, source, MAKE_DIRECTORY + _assign(target))


def shell_path(target: str) -> str:
    """Return a path on a machine as a bash word: `~` is home, the rest is taken literally.

    Relative paths start at the workdir.
    """
    if not target.startswith(("/", "~/")) and target != "~":
        target = f"{WORKDIR_TARGET}/{target}"
    if target.startswith("~"):
        return '"$HOME"' + (shlex.quote(target[1:]) if target != "~" else "")
    return shlex.quote(target)


def _unpacking(artifact: Artifact) -> str:
    unpack = _UNPACK_FILE if artifact.is_file else _UNPACK_DIRECTORY
    return MAKE_DIRECTORY + _assign(artifact.target) + unpack


def _assign(target: str) -> str:
    return f"target={shell_path(target)}\n"

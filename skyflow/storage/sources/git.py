"""A Git repository as a source: fetched once, at a commit, when a service is deployed."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from skyflow.errors import UsageError
from skyflow.storage.sources.pinned import shown_url

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SECRET = re.compile(r"(?<=://)[^/\s@]+@")
"""User and password in a URL, which Git repeats in what it says."""


async def check_out(url: str, ref: str | None, directory: Path) -> str:
    """Put the files of a repository, with its submodules, into a new directory.

    Git finds credentials as it always does: helpers, SSH keys and agents. It asks nobody. A token
    in `GIT_TOKEN` is used for https://.

    Args:
        url: URL of the repository.
        ref: Branch, tag or commit; the default branch if None.
        directory: Where to; it must not exist.

    Returns:
        The commit.

    Raises:
        UsageError: There is no Git here, no such repository or ref, or no way to get at it.

    """
    await _git(url, None, "init", "--quiet", str(directory))
    wanted = ref or "HEAD"
    try:
        await _git(url, directory, "fetch", "--quiet", "--depth=1", "--", url, wanted)
    except UsageError:
        # Some servers do not give a commit by its name: it is among all that they have.
        if not _COMMIT.fullmatch(wanted):
            raise
        everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        await _git(url, directory, "fetch", "--quiet", "--", url, *everything)
    found = wanted if _COMMIT.fullmatch(wanted) else "FETCH_HEAD"
    await _git(url, directory, "checkout", "--quiet", "--detach", found)
    # Submodules with relative URLs start from that of the repository.
    await _git(url, directory, "remote", "add", "origin", url)
    await _git(
        url, directory, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"
    )
    return (await _git(url, directory, "rev-parse", "HEAD")).strip()


async def _git(url: str, directory: Path | None, *arguments: str) -> str:
    place = ["-C", str(directory)] if directory else []
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *place,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(url),
        )
    except FileNotFoundError:
        raise UsageError("a repository is to be fetched, and there is no git here") from None
    try:
        output, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        words = _SECRET.sub("", said.decode(errors="replace")).strip().replace(url, shown_url(url))
        raise UsageError(
            f"cannot fetch {shown_url(url)}: {words or 'git gives no reason'}",
            "correct `url` and `ref`, or give Git a way in: a credential helper, an SSH key, or a "
            "token in GIT_TOKEN",
        )
    return output.decode(errors="replace")


def _environment(url: str) -> dict[str, str]:
    """Return Git's environment; a token is there and not among arguments, which others can see."""
    variables = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
    }
    token = os.environ.get("GIT_TOKEN")
    parts = urlsplit(url)
    if token and parts.scheme == "https" and not parts.username:
        login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        variables |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.https://{parts.netloc}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {login}",
        }
    return variables

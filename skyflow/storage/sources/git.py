"""A Git repository as a source: fetched once, at a commit, when a service is deployed."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from skyflow.errors import UsageError
from skyflow.storage.sources.pinned import shown_url

_OF_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""Variables that Git sets for its hooks, and that name the repository these belong to."""
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
    shown = _without_login(url)
    await _git(url, None, "init", "--quiet", str(directory))
    wanted = ref or "HEAD"
    try:
        await _git(url, directory, "fetch", "--quiet", "--depth=1", "--", shown, wanted)
    except UsageError:
        # Some servers do not give a commit by its name: it is among all that they have.
        if not _COMMIT.fullmatch(wanted):
            raise
        everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        await _git(url, directory, "fetch", "--quiet", "--", shown, *everything)
    found = wanted if _COMMIT.fullmatch(wanted) else "FETCH_HEAD"
    await _git(url, directory, "checkout", "--quiet", "--detach", found)
    # Submodules with relative URLs start from that of the repository.
    await _git(url, directory, "remote", "add", "origin", shown)
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
    """Return Git's environment, with the login for a web server."""
    variables = {
        **{name: value for name, value in os.environ.items() if name not in _OF_ANOTHER},
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
    }
    login = _login(url)
    if login:
        encoded = base64.b64encode(login.encode()).decode()
        variables |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{_without_login(url)}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {encoded}",
        }
    return variables


def _login(url: str) -> str:
    """Return user and password for a web server, of the URL or with a token; none if empty."""
    parts = urlsplit(url)
    token = os.environ.get("GIT_TOKEN")
    if parts.scheme in ("http", "https") and parts.username:
        return f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"x-access-token:{token}" if token and parts.scheme == "https" else ""


def _without_login(url: str) -> str:
    """Return the URL of a web server without user and password: others can see arguments."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

"""Files that a machine fetches itself, by URLs that it is told over SSH and nothing else sees."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncssh

from skyflow.errors import CommandFailed
from skyflow.remote.ssh import run
from skyflow.storage.sources.pinned import PinnedFile, PinnedSource, shown_url
from skyflow.storage.sources.pinning import download_urls

URL_SECONDS = 6 * 3600
"""How long a signed URL is good, which is asked for when its file's turn comes."""
BATCH_FILES = 500
"""Files that one command fetches: their turn comes before their URLs end."""
_ROUNDS = 3
"""How often a file is asked for that did not come whole, beyond what curl repeats by itself."""
_PARALLEL = 8
_CHANGED = 412
"""Status of an answer to a request for a certain version of what has changed (RFC 9110)."""

_FETCH = f"""\
command -v curl >/dev/null || {{
  echo "there is no curl on the machine: add it to the image" >&2
  exit 1
}}
curl --parallel --parallel-max {_PARALLEL} --config - || true
"""
_INTO_DIRECTORY = """\
make_directory "$target" && cd "$target" || exit 1
"""
_INTO_FILE = """\
case $target in */) make_directory "$target" ;; esac
[ ! -d "$target" ] || target=${target%/}/$name
directory=$(dirname "$target")
make_directory "$directory" && cd "$directory" || exit 1
"""
_STAGED = ".skyflow-download"
_PUT_IN_PLACE = f"""\
[ ! -e {_STAGED} ] || mv -f {_STAGED} "$target"
"""

_REPORT = re.compile(r"^skyflow (\d+) (\d+) (\d+) ?(.*)$")


@dataclass(frozen=True)
class Download:
    """How one request for a file has ended."""

    status: int
    """Status of the answer; 0 if none came."""
    size: int
    """Bytes that came."""
    reason: str
    """What curl says of a failure, if it does."""
    headers: Mapping[str, str]
    """Headers of the answer, if they were asked for, by names in lower case."""


async def fetch_source(
    connection: asyncssh.SSHClientConnection, source: PinnedSource, prepare: str
) -> None:
    """Let a machine fetch the files of a source, each as it was when the service was deployed.

    Args:
        connection: To the machine.
        source: What to fetch.
        prepare: Bash that defines `make_directory` and sets `target`.

    Raises:
        CommandFailed: A file cannot be had, or is not what it was.
        ConnectionFailed: The connection was lost.
        StorageUnavailable: There are no credentials to sign URLs with.

    """
    if source.is_file:
        script = f"{prepare}name={shlex.quote(source.files[0].path)}\n{_INTO_FILE}"
        script += _FETCH + _PUT_IN_PLACE
    else:
        script = prepare + _INTO_DIRECTORY + _FETCH
    for first in range(0, len(source.files), BATCH_FILES):
        await _fetch_batch(connection, source, script, source.files[first : first + BATCH_FILES])


def request_config(url: str) -> str:
    """Return lines of a configuration of curl that ask for a URL, patiently and plainly."""
    return f"""\
url = {_quoted(url)}
silent
globoff
fail
location
retry = 5
retry-connrefused
connect-timeout = 20
speed-limit = 1
speed-time = 120
"""


async def _fetch_batch(
    connection: asyncssh.SSHClientConnection,
    source: PinnedSource,
    script: str,
    files: Sequence[PinnedFile],
) -> None:
    missing = list(files)
    for round_ in range(1, _ROUNDS + 1):
        urls = await download_urls(source, missing, URL_SECONDS)
        config = "next\n".join(
            _file_config(source, number, file, url)
            for number, (file, url) in enumerate(zip(missing, urls, strict=True))
        )
        ends = _read_report(await run(connection, script, config.encode()))
        problems = {
            file.path: problem
            for number, file in enumerate(missing)
            if (problem := _problem(source, file, ends.get(number)))
        }
        final = any(end.status == _CHANGED for end in ends.values()) or round_ == _ROUNDS
        if problems and final:
            raise _failure(source, problems)
        missing = [file for file in missing if file.path in problems]
        if not missing:
            return


def _file_config(source: PinnedSource, number: int, file: PinnedFile, url: str) -> str:
    output = _STAGED if source.is_file else file.path
    report = f"skyflow {number} %{{http_code}} %{{size_download}} %{{errormsg}}\\n"
    lines = f"{request_config(url)}create-dirs\noutput = {_quoted(output)}\n"
    lines += f'write-out = "{report}"\n'
    if not file.key:
        # What a redirect leads to has other validators than what redirects: compared afterwards.
        return f'{lines}dump-header = "-"\n'
    return f"{lines}header = {_quoted(f'If-Match: {file.etag}')}\n" if file.etag else lines


def _read_report(output: str) -> dict[int, Download]:
    ends: dict[int, Download] = {}
    headers: dict[str, str] = {}
    for line in output.splitlines():
        if found := _REPORT.match(line):
            number, status, size, reason = found.groups()
            ends[int(number)] = Download(int(status), int(size), reason, headers)
        elif line.startswith("HTTP/"):
            headers = {}
        else:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
    return ends


def _problem(source: PinnedSource, file: PinnedFile, end: Download | None) -> str | None:
    """Return why a file is not there as it was; None if it is."""
    if end is None or end.status == 0:
        return (end and end.reason) or "no answer"
    if end.status == _CHANGED or (end.status == 200 and _is_another(file, end)):
        return "it has changed since the service was deployed"
    if end.status != 200:
        return f"the server answers {end.status}"
    return end.reason or None


def _is_another(file: PinnedFile, end: Download) -> bool:
    """Return whether what came is another version: by its size, or by all that names versions.

    Servers that are several may each have names of their own, so that one that fits is enough.
    """
    if file.size is not None and end.size != file.size and not end.reason:
        return True
    told = [
        (before, end.headers[name])
        for name, before in (("etag", file.etag), ("last-modified", file.modified))
        if before and name in end.headers
    ]
    return bool(told) and all(before != now for before, now in told)


def _failure(source: PinnedSource, problems: Mapping[str, str]) -> CommandFailed:
    path, problem = next(iter(problems.items()))
    which = shown_url(source.url) if source.is_file else f"{path} of {shown_url(source.url)}"
    others = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return CommandFailed(f"the machine cannot fetch {which}{others}: {problem}", 1)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

"""A file at an https:// or http:// URL, as a source."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from skyflow.errors import StorageUnavailable, UsageError
from skyflow.storage.sources.pinned import PinnedFile, PinnedSource, check_path, shown_url

_SECONDS = 60.0
"""Longest wait for the head of an answer."""
_PLAIN = {"Accept-Encoding": "identity"}
"""So that the length we are told is that of the file."""


async def pin_url(url: str) -> PinnedSource:
    """Return what a server says of a file.

    Raises:
        UsageError: There is none, or the server does not let us have it.
        StorageUnavailable: The server does not answer.

    """
    headers = await _head(url)
    name = unquote(urlsplit(url).path).rpartition("/")[2] or "download"
    check_path(url, name)
    length = headers.get("Content-Length", "")
    file = PinnedFile(
        path=name,
        size=int(length) if length.isdecimal() else None,
        etag=headers.get("ETag", ""),
        modified=headers.get("Last-Modified", ""),
    )
    return PinnedSource(url=url, is_file=True, files=(file,))


async def _head(url: str) -> Mapping[str, str]:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with aiohttp.ClientSession(
            timeout=timeout, headers=_PLAIN, auto_decompress=False
        ) as session:
            # URLs that are signed for GET, and some servers, refuse HEAD.
            for method in ("HEAD", "GET"):
                async with session.request(method, url, allow_redirects=True) as answer:
                    if answer.ok:
                        return answer.headers
                    status = f"{answer.status} {answer.reason}"
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise StorageUnavailable(
            f"cannot ask for {shown_url(url)}: {type(error).__name__}",
            "check that its server can be reached from here",
        ) from None
    raise UsageError(
        f"there is no file to be had at {shown_url(url)}: the server answers {status}",
        "correct the URL, or what in it lets us in",
    )

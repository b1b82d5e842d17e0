"""Every kind of source by its URL: what is there, and how a machine gets it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

from skyflow.storage.sources.gs import pin_gs, signed_gs_urls
from skyflow.storage.sources.pinned import PinnedFile, PinnedSource
from skyflow.storage.sources.s3 import pin_s3, signed_s3_urls
from skyflow.storage.sources.web import pin_url


async def pin(url: str) -> PinnedSource:
    """Return what is at a URL now.

    Raises:
        UsageError: There is nothing, or something that cannot be put on a machine.
        StorageUnavailable: It may not be read, or the server does not answer.

    """
    match urlsplit(url).scheme.lower():
        case "s3":
            return await asyncio.to_thread(pin_s3, url)
        case "gs":
            return await pin_gs(url)
        case _:
            return await pin_url(url)


async def download_urls(
    source: PinnedSource, files: Sequence[PinnedFile], seconds: int
) -> list[str]:
    """Return a URL for each file of a source, which is good for some seconds and needs no more.

    Raises:
        StorageUnavailable: There are no credentials to make such URLs with.

    """
    match urlsplit(source.url).scheme.lower():
        case "s3":
            return await asyncio.to_thread(signed_s3_urls, source, files, seconds)
        case "gs":
            return await signed_gs_urls(source, files, seconds)
        case _:
            return [source.url]

"""Files in a bucket of Google Cloud Storage, as a source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import obstore
from obstore.exceptions import BaseError
from obstore.store import GCSStore

from skyflow.errors import SkyflowError, StorageUnavailable, UsageError
from skyflow.storage.aws import RETRY_SECONDS
from skyflow.storage.sources.pinned import PinnedFile, PinnedSource, check_path, directory_of

_PUBLIC = "https://storage.googleapis.com"
_GCLOUD_FILE = "application_default_credentials.json"
_REMEDY = (
    "set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account that may read the "
    "bucket; only with one can URLs be signed for machines"
)


async def pin_gs(url: str) -> PinnedSource:
    """Return what is in a bucket at a URL: the object of that key, else those below it.

    Without credentials the bucket must be open to all.

    Raises:
        UsageError: There is nothing, or something that cannot be a file.
        StorageUnavailable: The bucket may not be read, or Google does not answer.

    """
    bucket, key = _split(url)
    anonymous = not _have_credentials()
    found = {"url": url, "anonymous": anonymous}
    try:
        store = _open(bucket, anonymous=anonymous)
        if not anonymous:
            await obstore.sign_async(store, "GET", "a", timedelta(seconds=60))
        file = await _object(store, key) if key and not key.endswith("/") else None
        if file is not None:
            check_path(url, file.path)
            return PinnedSource(is_file=True, files=(file,), **found)
        files = directory_of(url, await _objects(store, key.rstrip("/")))
        return PinnedSource(is_file=False, files=files, **found)
    except (BaseError, OSError, ValueError) as error:
        raise _fault(error, url, anonymous=anonymous) from error


async def signed_gs_urls(
    source: PinnedSource, files: Sequence[PinnedFile], seconds: int
) -> list[str]:
    """Return a URL for each file that anybody can read it with for a time.

    Raises:
        StorageUnavailable: There are no credentials that can sign.

    """
    bucket, _ = _split(source.url)
    if source.anonymous:
        return [f"{_public_url()}/{bucket}/{quote(file.key)}" for file in files]
    try:
        store = _open(bucket, anonymous=False)
        keys = [file.key for file in files]
        return list(await obstore.sign_async(store, "GET", keys, timedelta(seconds=seconds)))
    except (BaseError, OSError, ValueError) as error:
        raise _fault(error, source.url, anonymous=False) from error


def _open(bucket: str, *, anonymous: bool) -> GCSStore:
    return GCSStore(
        bucket,
        skip_signature=anonymous,
        base_url=_public_url(),
        client_options={"allow_http": _public_url().startswith("http://")},
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
    )


def _public_url() -> str:
    return os.environ.get("GOOGLE_BASE_URL") or _PUBLIC


def _have_credentials() -> bool:
    """Return whether there are credentials where Google's own tools look for them."""
    settings = Path(os.environ.get("CLOUDSDK_CONFIG") or "~/.config/gcloud").expanduser()
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    return bool(named) or (settings / _GCLOUD_FILE).is_file()


async def _object(store: GCSStore, key: str) -> PinnedFile | None:
    try:
        found = await obstore.head_async(store, key)
    except FileNotFoundError:
        return None
    name = key.rpartition("/")[2]
    return PinnedFile(path=name, key=key, size=found["size"], etag=found["e_tag"] or "")


async def _objects(store: GCSStore, key: str) -> list[PinnedFile]:
    files = []
    async for batch in obstore.list(store, key or None, chunk_size=1000):
        for item in batch:
            # What the console makes for an empty folder is listed without its last slash.
            if item["size"] == 0 and await _object(store, item["path"]) is None:
                continue
            path = item["path"].removeprefix(f"{key}/" if key else "")
            etag = item["e_tag"] or ""
            files.append(PinnedFile(path=path, key=item["path"], size=item["size"], etag=etag))
    return files


def _fault(error: Exception, url: str, *, anonymous: bool) -> SkyflowError:
    said = str(error).splitlines()[0]
    if "NoSuchBucket" in str(error):
        return UsageError(f"there is no bucket {_split(url)[0]!r}, which {url} names")
    who = "without credentials" if anonymous else "with the credentials that are set"
    return StorageUnavailable(f"cannot read {url} {who}: {said}", _REMEDY)


def _split(url: str) -> tuple[str, str]:
    """Return the bucket and the key that a URL names."""
    bucket, _, key = url.partition("://")[2].partition("/")
    return bucket, key

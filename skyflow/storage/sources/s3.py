"""Files in a bucket of S3, as a source. Everything here waits for S3: run it in a thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from skyflow.errors import UsageError
from skyflow.storage.aws import error_code, new_session, s3_client, s3_fault
from skyflow.storage.sources.pinned import (
    MAX_FILES,
    PinnedFile,
    PinnedSource,
    check_path,
    directory_of,
)

_DENIED = ("AccessDenied", "403", "Forbidden")


def pin_s3(url: str) -> PinnedSource:
    """Return what is in a bucket at a URL: the object of that key, else those below it.

    A bucket that does not let our identity in is read without one, as those open to all can be.

    Raises:
        UsageError: There is nothing, or something that cannot be a file.
        StorageUnavailable: The bucket may not be read, or S3 does not answer.

    """
    from botocore.exceptions import BotoCoreError, ClientError

    session = new_session()
    try:
        if session.get_credentials() is not None:
            try:
                return _pin(session, url, anonymous=False)
            except ClientError as error:
                if error_code(error) not in _DENIED:
                    raise
                denied = error
            try:
                return _pin(session, url, anonymous=True)
            except ClientError:
                raise denied from None
        return _pin(session, url, anonymous=True)
    except (BotoCoreError, ClientError) as error:
        raise s3_fault(error, f"cannot read {url}") from error


def region_of(url: str) -> str:
    """Return the region of the bucket that a URL names; S3 tells it to everybody.

    Raises:
        UsageError: There is no such bucket.
        StorageUnavailable: S3 does not answer.

    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        session = new_session()
        client = s3_client(session, anonymous=session.get_credentials() is None)
        return _region(client, _split(url)[0], url)
    except (BotoCoreError, ClientError) as error:
        raise s3_fault(error, f"cannot look at {url}") from error


def signed_s3_urls(source: PinnedSource, files: Sequence[PinnedFile], seconds: int) -> list[str]:
    """Return a URL for each file that anybody can read it with for a time.

    Raises:
        StorageUnavailable: There are no credentials to sign with.

    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = s3_client(new_session(), region=source.region, anonymous=source.anonymous)
        return [
            client.generate_presigned_url(
                "get_object",
                Params={"Bucket": _split(source.url)[0], "Key": file.key},
                ExpiresIn=seconds,
            )
            for file in files
        ]
    except (BotoCoreError, ClientError) as error:
        raise s3_fault(error, f"cannot sign URLs for {source.url}") from error


def _pin(session: Any, url: str, *, anonymous: bool) -> PinnedSource:
    bucket, key = _split(url)
    region = _region(s3_client(session, anonymous=anonymous), bucket, url)
    client = s3_client(session, region=region, anonymous=anonymous)
    found = {"url": url, "region": region, "anonymous": anonymous}
    file = _object(client, bucket, key) if key and not key.endswith("/") else None
    if file is not None:
        check_path(url, file.path)
        return PinnedSource(is_file=True, files=(file,), **found)
    files = directory_of(url, _objects(client, bucket, key))
    return PinnedSource(is_file=False, files=files, **found)


def _region(client: Any, bucket: str, url: str) -> str:
    """Return where a bucket is: S3 says so even to those who may not read it."""
    from botocore.exceptions import ClientError

    try:
        answer = client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchBucket"):
            raise UsageError(f"there is no bucket {bucket!r}, which {url} names") from None
        answer = error.response
        if error_code(error) not in (*_DENIED, "301", "400"):
            raise
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return str(headers.get("x-amz-bucket-region") or client.meta.region_name)


def _object(client: Any, bucket: str, key: str) -> PinnedFile | None:
    from botocore.exceptions import ClientError

    try:
        found = client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        # Who may not list a bucket is told 403 of what does not exist.
        if error_code(error) in ("404", "NoSuchKey"):
            return None
        raise
    name = key.rpartition("/")[2]
    return PinnedFile(path=name, key=key, size=found["ContentLength"], etag=found["ETag"])


def _objects(client: Any, bucket: str, key: str) -> Iterator[PinnedFile]:
    prefix = f"{key.rstrip('/')}/" if key.strip("/") else ""
    number = 0
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            # What the console makes for an empty folder is no file.
            if item["Key"].endswith("/"):
                continue
            path = item["Key"].removeprefix(prefix)
            yield PinnedFile(path=path, key=item["Key"], size=item["Size"], etag=item["ETag"])
            number += 1
            if number > MAX_FILES:
                return


def _split(url: str) -> tuple[str, str]:
    """Return the bucket and the key that a URL names."""
    bucket, _, key = url.partition("://")[2].partition("/")
    return bucket, key

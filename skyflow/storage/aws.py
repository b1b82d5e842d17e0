"""Talking to S3: with whose credentials, at which address, and what its refusals mean."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from obstore.store import S3Store

from skyflow.errors import StorageError, StorageUnavailable

RETRY_SECONDS = 30
"""How long a request to S3 is repeated before it has failed."""

_CODE = re.compile(r"<Code>(\w+)</Code>")
_CREDENTIALS = (
    "give credentials as AWS's own tools find them: `aws configure`, `aws sso login`, or "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)
_PERMISSIONS = "give the identity the permissions that docs/storage.md lists"
_REMEDIES = {
    "NoCredentialsError": _CREDENTIALS,
    "PartialCredentialsError": _CREDENTIALS,
    "ProfileNotFound": "correct AWS_PROFILE",
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "ExpiredToken": "the credentials have expired: renew them, as with `aws sso login`",
    "ExpiredTokenException": "the credentials have expired: renew them, as with `aws sso login`",
    "TokenRefreshRequired": "the credentials have expired: renew them, as with `aws sso login`",
    "RequestTimeTooSkewed": "set this computer's clock",
    "AccessDenied": _PERMISSIONS,
    "AllAccessDisabled": _PERMISSIONS,
    "403": f"{_PERMISSIONS}; the name may also belong to somebody else's bucket",
    "NoSuchBucket": "correct the name of the bucket",
    "BucketAlreadyExists": "somebody else has a bucket of that name: choose another one",
    "InvalidBucketName": "choose another name",
    "TooManyBuckets": "the account has as many buckets as it may: remove one, or name one it has",
}
"""What to do, by the code of S3's answer or the name of an error of botocore."""
_UNREACHABLE = "check that S3 can be reached from here, and AWS_ENDPOINT_URL if it is set"


def new_session() -> Any:
    """Return a boto3 session, with credentials and region as AWS's own tools find them."""
    # Slow to import: only what uses a bucket waits for it.
    import boto3

    return boto3.Session()


def s3_client(session: Any, *, region: str | None = None, anonymous: bool = False) -> Any:
    """Return a boto3 client for S3.

    Args:
        session: From `new_session`.
        region: Region of the bucket; the session's own, else us-east-1, if None.
        anonymous: Whether requests are not signed, as buckets open to all allow.

    """
    from botocore import UNSIGNED
    from botocore.config import Config

    config = Config(
        connect_timeout=10,
        read_timeout=RETRY_SECONDS,
        retries={"mode": "standard", "max_attempts": 4},
        signature_version=UNSIGNED if anonymous else "s3v4",
    )
    where = region or session.region_name or "us-east-1"
    return session.client("s3", region_name=where, config=config)


def object_store(session: Any, client: Any, bucket: str, prefix: str) -> S3Store:
    """Return the objects of a bucket below a prefix; credentials are renewed by the session.

    Raises:
        botocore.exceptions.NoCredentialsError: There are none.

    """
    from botocore.exceptions import NoCredentialsError
    from obstore.auth.boto3 import Boto3CredentialProvider

    if session.get_credentials() is None:
        raise NoCredentialsError
    endpoint = client.meta.endpoint_url
    return S3Store(
        bucket,
        prefix=prefix,
        region=client.meta.region_name,
        # With an endpoint of its own, a bucket is asked for by path and not by host.
        endpoint=None if _is_amazon(endpoint) else endpoint,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "timeout": timedelta(hours=1),
        },
        credential_provider=Boto3CredentialProvider(session),
        retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
    )


def bucket_region(client: Any, bucket: str) -> str | None:
    """Return the region of a bucket; None if there is none.

    Raises:
        botocore.exceptions.ClientError: It belongs to somebody who does not let us look.
        botocore.exceptions.BotoCoreError: S3 could not be asked.

    """
    from botocore.exceptions import ClientError

    try:
        answer = client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchBucket"):
            return None
        raise
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return str(headers.get("x-amz-bucket-region") or client.meta.region_name)


def error_code(error: BaseException) -> str:
    """Return what S3 calls an error, or what its library does."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))
    found = _CODE.search(str(error))
    return found[1] if found else type(error).__name__


def s3_fault(error: BaseException, doing: str) -> StorageError:
    """Return an error of S3, or on the way to it, with its remedy.

    Args:
        error: Of boto3 or obstore.
        doing: What failed, as in `cannot read x in the store s3://bucket`.

    """
    code = error_code(error)
    lines = str(error).splitlines() or [type(error).__name__]
    why = code if _CODE.search(str(error)) else lines[0]
    return StorageUnavailable(f"{doing}: {why}", _REMEDIES.get(code, _UNREACHABLE))


def _is_amazon(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))

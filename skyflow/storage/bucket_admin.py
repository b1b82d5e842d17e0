"""Making the store's bucket, and removing it. Everything here waits for S3: run it in a thread."""

from __future__ import annotations

from typing import Any

from skyflow.storage.aws import bucket_region, error_code

OWNER_TAG = "skyflow-installation"
"""Tag of a bucket that skyflow made: the installation it was made for."""
_SETTLED_TAG = "skyflow-settled"
"""Tag that a bucket gets once nothing is left to be set: whoever made it may have ended before."""

_PRIVATE = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_ENCRYPTED = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
_UPLOADS_END = {
    "Rules": [
        {
            "ID": "skyflow-unfinished-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
    ]
}
"""Parts of an upload that was broken off are paid for, and in no listing of objects."""


def ensure_bucket(client: Any, bucket: str, installation: str) -> str:
    """Make a private, encrypted bucket in the client's region unless there is one.

    Of a bucket that somebody else made nothing is changed.

    Returns:
        The bucket's region.

    Raises:
        botocore.exceptions.ClientError: S3 refuses.
        botocore.exceptions.BotoCoreError: S3 could not be asked.

    """
    region = bucket_region(client, bucket)
    if region is None:
        region = client.meta.region_name
        _create(client, bucket, region, installation)
    elif not _half_made(client, bucket, installation):
        return region
    _settle(client, bucket, installation)
    return region


def remove_bucket(client: Any, bucket: str, installation: str) -> bool:
    """Delete a bucket that was made for an installation, if nothing is in it; return whether.

    Raises:
        botocore.exceptions.ClientError: S3 refuses.
        botocore.exceptions.BotoCoreError: S3 could not be asked.

    """
    from botocore.exceptions import ClientError

    if _tags(client, bucket).get(OWNER_TAG) != installation:
        return False
    try:
        client.delete_bucket(Bucket=bucket)
    except ClientError as error:
        if error_code(error) == "BucketNotEmpty":
            return False
        if error_code(error) != "NoSuchBucket":
            raise
    return True


def _create(client: Any, bucket: str, region: str, installation: str) -> None:
    from botocore.exceptions import ClientError

    # Tagged as it is made: whoever comes after a crash knows whose it is.
    settings: dict[str, Any] = {"Tags": _tag_set({OWNER_TAG: installation})}
    if region != "us-east-1":  # which is where a bucket goes for which no place is named
        settings["LocationConstraint"] = region
    try:
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration=settings)
    except ClientError as error:
        # Another process of this installation came first.
        if error_code(error) not in ("BucketAlreadyOwnedByYou", "OperationAborted"):
            raise
    client.get_waiter("bucket_exists").wait(
        Bucket=bucket, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )


def _settle(client: Any, bucket: str, installation: str) -> None:
    client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_PRIVATE)
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=_ENCRYPTED)
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=_UPLOADS_END)
    tags = _tag_set({OWNER_TAG: installation, _SETTLED_TAG: "yes"})
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})


def _half_made(client: Any, bucket: str, installation: str) -> bool:
    tags = _tags(client, bucket)
    return tags.get(OWNER_TAG) == installation and _SETTLED_TAG not in tags


def _tags(client: Any, bucket: str) -> dict[str, str]:
    """Return the tags of a bucket; none of one whose tags we may not see, so not ours to change."""
    from botocore.exceptions import ClientError

    try:
        answer = client.get_bucket_tagging(Bucket=bucket)
    except ClientError as error:
        if error_code(error) in ("NoSuchTagSet", "NoSuchBucket", "AccessDenied"):
            return {}
        raise
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def _tag_set(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]

"""The permissions that docs/storage.md lists are enough, and what lacks them is told so."""

from __future__ import annotations

import json
import re
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from skyflow.config import Settings
from skyflow.errors import StorageUnavailable
from skyflow.storage.aws import new_session, s3_client
from skyflow.storage.store import Store
from tests.moto import aws_environment, moto_server

HEAD_BUCKET = "s3:HeadBucket"
"""What moto asks for where S3 asks for s3:ListBucket."""
DOCS = Path(__file__).parents[2] / "docs" / "storage.md"


def documented() -> tuple[str, ...]:
    text = DOCS.read_text()
    begin = text.index("The identity needs, on the bucket:")
    return tuple(re.findall(r"`(s3:\w+)`", text[begin : text.index("\n\n", begin)]))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def strict_s3(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the URL of an S3 that looks at permissions once it is told to."""
    for name, value in aws_environment(server).items():
        monkeypatch.setenv(name, value)
    yield server
    look_at_permissions(server, after="inf")


def look_at_permissions(url: str, after: str) -> None:
    """Let moto look at permissions, after some number of requests."""
    request = urllib.request.Request(
        f"{url}/moto-api/reset-auth", after.encode(), {"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(request)


def become(monkeypatch: pytest.MonkeyPatch, url: str, actions: Sequence[str]) -> None:
    """Become a user who may do these things and nothing else."""
    iam, name = boto3.client("iam"), f"user-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": [*actions, HEAD_BUCKET], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    look_at_permissions(url, after="0")


@pytest.fixture
def bucket_url() -> str:
    return f"s3://skyflow-{uuid.uuid4().hex[:12]}/some"


async def test_what_is_documented_is_enough(
    strict_s3: str,
    settings: Settings,
    bucket_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    become(monkeypatch, strict_s3, documented())
    store = Store(replace(settings, bucket_url=bucket_url))
    assert await store.put("a/key", b"x", overwrite=False)
    assert not await store.put("a/key", b"y", overwrite=False)
    (tmp_path / "large").write_bytes(bytes(12_000_000))
    await store.put_file("a/large", tmp_path / "large")
    assert await store.names("a") == ("a/key", "a/large")
    assert await store.get("a/key") == b"x"
    await store.delete_prefix("a")
    await store.remove_bucket()


async def test_who_may_not_make_a_bucket_is_told_so(
    strict_s3: str, settings: Settings, bucket_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(monkeypatch, strict_s3, [each for each in documented() if each != "s3:CreateBucket"])
    with pytest.raises(StorageUnavailable, match="AccessDenied") as caught:
        await Store(replace(settings, bucket_url=bucket_url)).put("key", b"")
    assert "docs/storage.md" in (caught.value.remedy or "")


async def test_who_may_not_write_is_told_so(
    strict_s3: str, settings: Settings, bucket_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_client(new_session(), region="us-east-1").create_bucket(Bucket=bucket_url.split("/")[2])
    become(monkeypatch, strict_s3, ["s3:ListBucket"])
    with pytest.raises(StorageUnavailable, match="cannot write key") as caught:
        await Store(replace(settings, bucket_url=bucket_url)).put("key", b"")
    assert "docs/storage.md" in (caught.value.remedy or "")


async def test_credentials_that_nobody_knows_are_an_error_with_the_remedy(
    strict_s3: str, settings: Settings, bucket_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(monkeypatch, strict_s3, documented())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StorageUnavailable, match="403") as caught:
        await Store(replace(settings, bucket_url=bucket_url)).put("key", b"")
    assert "aws sts get-caller-identity" in (caught.value.remedy or "")

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skyflow.config import Settings
from skyflow.errors import StorageUnavailable, UsageError
from skyflow.installation import installation_id
from skyflow.storage.aws import new_session, s3_client
from skyflow.storage.bucket_admin import OWNER_TAG, ensure_bucket
from skyflow.storage.store import Store


@pytest.fixture
def client(aws: str) -> Any:
    return s3_client(new_session())


def name_of(settings: Settings) -> str:
    assert settings.bucket_url
    return settings.bucket_url.split("/")[2]


def buckets(client: Any) -> set[str]:
    return {each["Name"] for each in client.list_buckets()["Buckets"]}


async def test_reading_makes_no_bucket(bucket_settings: Settings, client: Any) -> None:
    await Store(bucket_settings).list("logs")
    assert name_of(bucket_settings) not in buckets(client)


async def test_a_bucket_is_made_private_encrypted_and_marked(
    bucket_settings: Settings, client: Any
) -> None:
    await Store(bucket_settings).put("key", b"")
    name = name_of(bucket_settings)
    blocked = client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert all(blocked.values())
    assert len(blocked) == 4
    rules = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    lifecycle = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert [each["AbortIncompleteMultipartUpload"] for each in lifecycle] == [
        {"DaysAfterInitiation": 1}
    ]
    tags = {tag["Key"]: tag["Value"] for tag in client.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags[OWNER_TAG] == installation_id(bucket_settings)


async def test_writers_that_come_at_once_make_one_bucket(bucket_settings: Settings) -> None:
    stores = [Store(bucket_settings) for _ in range(4)]
    await asyncio.gather(*(store.put(f"a/{n}", b"") for n, store in enumerate(stores)))
    assert len(await stores[0].list("a")) == 4


async def test_a_bucket_that_was_half_made_is_made_whole(
    bucket_settings: Settings, client: Any
) -> None:
    installation, name = installation_id(bucket_settings), name_of(bucket_settings)
    client.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": client.meta.region_name}
    )
    tags = [{"Key": OWNER_TAG, "Value": installation}]
    client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    ensure_bucket(client, name, installation)
    assert client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]


async def test_a_bucket_of_somebody_else_is_used_and_left_as_it_is(
    bucket_settings: Settings, client: Any
) -> None:
    name = name_of(bucket_settings)
    elsewhere = s3_client(new_session(), region="us-west-2")
    elsewhere.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    store = Store(bucket_settings)
    await store.put("key", b"x")
    await store.remove_bucket()
    assert name in buckets(client)
    assert not client.list_objects_v2(Bucket=name).get("Contents")
    with pytest.raises(client.exceptions.ClientError, match="NoSuchTagSet"):
        client.get_bucket_tagging(Bucket=name)


async def test_installations_that_share_a_bucket_do_not_see_each_other(
    bucket_settings: Settings, tmp_path: Path, client: Any
) -> None:
    store, other = Store(bucket_settings), Store(replace(bucket_settings, home=tmp_path / "other"))
    await store.put("services/1/a", b"x")
    await other.put("services/2/b", b"x")
    assert await store.directories("services") == ("services/1",)
    await store.remove_bucket()
    assert await store.list("services") == ()
    assert await other.exists("services/2/b")
    assert name_of(bucket_settings) in buckets(client)


async def test_what_an_installation_made_is_gone_after_it(
    bucket_settings: Settings, client: Any
) -> None:
    store = Store(bucket_settings)
    await store.put("services/1/a", b"x")
    await store.remove_bucket()
    await store.remove_bucket()
    assert name_of(bucket_settings) not in buckets(client)
    await store.put("services/1/a", b"y")
    assert await store.get("services/1/a") == b"y"


async def test_a_bucket_that_vanished_is_an_error_and_then_made_again(
    bucket_settings: Settings, client: Any
) -> None:
    store, name = Store(bucket_settings), name_of(bucket_settings)
    await store.put("key", b"x")
    client.delete_object(Bucket=name, Key=client.list_objects_v2(Bucket=name)["Contents"][0]["Key"])
    client.delete_bucket(Bucket=name)
    with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
        await store.put("key", b"y")
    await store.put("key", b"y")
    assert await store.get("key") == b"y"


@pytest.mark.parametrize(
    ("variables", "said", "remedy"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "credentials", "aws configure"),
        ({"AWS_PROFILE": "nobody"}, "nobody", "AWS_PROFILE"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "127.0.0.1:1", "AWS_ENDPOINT_URL"),
    ],
)
async def test_an_s3_that_cannot_be_used_is_an_error_with_its_remedy(
    bucket_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    said: str,
    remedy: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    with pytest.raises(StorageUnavailable, match=said) as caught:
        await Store(bucket_settings).put("key", b"")
    assert remedy in (caught.value.remedy or "")
    assert bucket_settings.bucket_url
    assert bucket_settings.bucket_url in caught.value.message


@pytest.mark.parametrize("url", ["my-bucket", "gs://my-bucket", "s3://My_Bucket", "s3://a/../b"])
def test_a_setting_that_names_no_bucket_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SKYFLOW_STORE", url)
    with pytest.raises(UsageError, match="SKYFLOW_STORE"):
        Settings.from_environment()


def test_the_setting_names_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYFLOW_STORE", "s3://my-bucket/some/where/")
    assert Settings.from_environment().bucket_url == "s3://my-bucket/some/where"
    monkeypatch.delenv("SKYFLOW_STORE")
    assert Settings.from_environment().bucket_url is None

from __future__ import annotations

import urllib.request

import pytest

from skyflow.errors import StorageUnavailable, UsageError
from skyflow.storage.aws import new_session, s3_client
from skyflow.storage.sources.pinned import PinnedSource
from skyflow.storage.sources.pinning import download_urls, pin
from tests.moto import new_bucket, put_objects


@pytest.fixture
def bucket(aws: str) -> str:
    return new_bucket()


async def contents(source: PinnedSource) -> dict[str, bytes]:
    """Return what anybody reads at the URLs of a source, by path."""
    urls = await download_urls(source, source.files, 60)
    read = [urllib.request.urlopen(url).read() for url in urls]
    return dict(zip((file.path for file in source.files), read, strict=True))


async def test_a_key_of_an_object_is_that_file(bucket: str) -> None:
    put_objects(bucket, {"models/a.bin": b"abc", "models/a.bin.old": b"x"})
    source = await pin(f"s3://{bucket}/models/a.bin")
    assert (source.is_file, source.size) == (True, 3)
    assert await contents(source) == {"a.bin": b"abc"}


@pytest.mark.parametrize("end", ["", "/"])
async def test_any_other_key_is_a_directory(bucket: str, end: str) -> None:
    put_objects(
        bucket, {"m/a": b"1", "m/deep/ü & b%.txt": b"22", "m/empty/": b"", "more/c": b"333"}
    )
    source = await pin(f"s3://{bucket}/m{end}")
    assert (source.is_file, source.size) == (False, 3)
    assert await contents(source) == {"a": b"1", "deep/ü & b%.txt": b"22"}
    assert set(await contents(await pin(f"s3://{bucket}"))) >= {"m/a", "more/c"}


async def test_a_directory_of_many_files_is_listed_whole(bucket: str) -> None:
    put_objects(bucket, {f"m/{number:04}": b"" for number in range(1003)})
    assert len((await pin(f"s3://{bucket}/m")).files) == 1003


async def test_a_bucket_may_be_anywhere(aws: str) -> None:
    bucket = new_bucket("us-west-2")
    put_objects(bucket, {"a": b"1"})
    source = await pin(f"s3://{bucket}/a")
    assert source.region == "us-west-2"
    assert await contents(source) == {"a": b"1"}


async def test_what_changes_is_told_apart(bucket: str) -> None:
    put_objects(bucket, {"a": b"1"})
    before = await pin(f"s3://{bucket}/a")
    put_objects(bucket, {"a": b"2"})
    assert await pin(f"s3://{bucket}/a") != before


async def test_without_credentials_what_is_public_is_read(
    bucket: str, aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_client(new_session()).put_object(Bucket=bucket, Key="a", Body=b"1", ACL="public-read")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    source = await pin(f"s3://{bucket}/a")
    assert source.anonymous
    assert await contents(source) == {"a": b"1"}
    assert await download_urls(source, source.files, 60) == [f"{aws}/{bucket}/a"]


@pytest.mark.parametrize("path", ["nothing", "nothing/", ""])
async def test_where_nothing_is_the_service_is_refused(bucket: str, path: str) -> None:
    with pytest.raises(UsageError, match="there is nothing at"):
        await pin(f"s3://{bucket}/{path}")


async def test_a_bucket_that_does_not_exist_is_refused(aws: str) -> None:
    with pytest.raises(UsageError, match="there is no bucket 'no-such-bucket'"):
        await pin("s3://no-such-bucket/a")


@pytest.mark.parametrize("key", ["m/../../.ssh/authorized_keys", "m//a", "m/./a"])
async def test_no_key_leads_out_of_the_directory(bucket: str, key: str) -> None:
    put_objects(bucket, {key: b"x"})
    with pytest.raises(UsageError, match="cannot be a file below a directory"):
        await pin(f"s3://{bucket}/m")


async def test_an_s3_that_does_not_answer_is_an_error_with_its_remedy(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StorageUnavailable, match=f"cannot read s3://{bucket}") as caught:
        await pin(f"s3://{bucket}/a")
    assert "AWS_ENDPOINT_URL" in (caught.value.remedy or "")

"""Google Cloud Storage answers readers as S3 does: here it is moto, by Google's addresses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from skyflow.errors import StorageUnavailable, UsageError
from skyflow.storage.aws import new_session, s3_client
from skyflow.storage.sources.pinning import download_urls, pin
from tests.moto import new_bucket, put_objects


@pytest.fixture
async def google(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Give the URL of a server where everything in a path is quoted, as Google's clients do it."""

    async def forward(request: web.Request) -> web.Response:
        url = f"{aws}{unquote(request.raw_path.partition('?')[0])}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, params=request.query) as answer,
        ):
            names = ("ETag", "Last-Modified", "Content-Length", "Content-Type")
            headers = {name: answer.headers[name] for name in names if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setenv("GOOGLE_BASE_URL", url)
    yield url
    await runner.cleanup()


@pytest.fixture
def bucket(google: str) -> str:
    """Make a bucket that is open to all."""
    name, client = new_bucket(), s3_client(new_session())
    client.put_bucket_acl(Bucket=name, ACL="public-read")
    for key, content in {"m/a": b"1", "m/deep/b c": b"22", "m/empty/": b"", "m/none": b""}.items():
        client.put_object(Bucket=name, Key=key, Body=content, ACL="public-read")
    return name


async def test_what_is_public_needs_no_credentials(bucket: str, google: str) -> None:
    source = await pin(f"gs://{bucket}/m")
    assert source.anonymous
    assert [(file.path, file.size) for file in source.files] == [
        ("a", 1),
        ("deep/b c", 2),
        ("none", 0),
    ]
    assert all(file.etag for file in source.files)
    urls = await download_urls(source, source.files, 60)
    assert urls[:2] == [f"{google}/{bucket}/m/a", f"{google}/{bucket}/m/deep/b%20c"]


async def test_a_key_of_an_object_is_that_file(bucket: str) -> None:
    source = await pin(f"gs://{bucket}/m/a")
    assert (source.is_file, [file.path for file in source.files]) == (True, ["a"])


async def test_where_nothing_is_the_service_is_refused(bucket: str) -> None:
    with pytest.raises(UsageError, match="there is nothing at"):
        await pin(f"gs://{bucket}/other")
    with pytest.raises(UsageError, match="there is no bucket 'no-such-bucket'"):
        await pin("gs://no-such-bucket/other")


async def test_what_is_private_needs_credentials(google: str) -> None:
    name = new_bucket()
    put_objects(name, {"private": b"1"})
    with pytest.raises(StorageUnavailable, match="without credentials") as caught:
        await pin(f"gs://{name}/private")
    assert "GOOGLE_APPLICATION_CREDENTIALS" in (caught.value.remedy or "")


async def test_a_service_account_signs_urls(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    account = {
        "type": "service_account",
        "client_email": "someone@project",
        "private_key": key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode(),
        "private_key_id": "1",
        "disable_oauth": True,
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    source = await pin(f"gs://{bucket}/m/a")
    assert not source.anonymous
    (url,) = await download_urls(source, source.files, 60)
    assert "X-Goog-Credential=someone%40project" in url
    assert "X-Goog-Expires=60" in url

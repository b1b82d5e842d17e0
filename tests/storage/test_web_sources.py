from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from skyflow.errors import StorageUnavailable, UsageError
from skyflow.storage.sources.pinning import download_urls, pin

HEADERS = {"ETag": '"v1"', "Last-Modified": "Thu, 26 Nov 2026 10:00:00 GMT"}


async def give(request: web.Request) -> web.Response:
    return web.Response(body=b"12345", headers=HEADERS)


async def redirect(request: web.Request) -> web.Response:
    raise web.HTTPFound("/model.bin")


async def only_get(request: web.Request) -> web.Response:
    return web.Response(status=403) if request.method == "HEAD" else await give(request)


@pytest.fixture
async def server() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/model.bin", give)
    app.router.add_get("/latest", redirect)
    app.router.add_get("/signed", only_get)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("path", ["model.bin", "latest", "signed"])
async def test_a_file_is_known_without_being_read(server: str, path: str) -> None:
    source = await pin(f"{server}/{path}?token=1")
    (file,) = source.files
    assert (file.path, file.size) == (path, 5)
    assert (file.etag, file.modified) == (HEADERS["ETag"], HEADERS["Last-Modified"])
    assert await download_urls(source, source.files, 60) == [f"{server}/{path}?token=1"]


async def test_a_file_that_is_not_there_is_refused_without_its_secrets(server: str) -> None:
    url = server.replace("//", "//user:password@")
    with pytest.raises(UsageError, match="the server answers 404") as caught:
        await pin(f"{url}/none?token=hush")
    assert f"{server}/none:" in caught.value.message
    assert not any(word in caught.value.message for word in ("hush", "password"))


async def test_a_server_that_does_not_answer_is_an_error_with_a_remedy() -> None:
    with pytest.raises(
        StorageUnavailable, match=r"cannot ask for http://127\.0\.0\.1:1/a"
    ) as caught:
        await pin("http://127.0.0.1:1/a?token=hush")
    assert "hush" not in caught.value.message
    assert caught.value.remedy

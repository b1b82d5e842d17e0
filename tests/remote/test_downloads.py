from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncssh
import pytest
from aiohttp import web

from skyflow.config import Settings
from skyflow.errors import CommandFailed
from skyflow.remote.files import send_artifact, send_source
from skyflow.storage.sources.pinning import pin
from skyflow.storage.specs import Artifact
from skyflow.storage.store import Store
from tests.moto import new_bucket, put_objects
from tests.remote.conftest import SshMachine
from tests.remote.test_files import stored


class Files:
    """A server of one file, which can change, break off, or refuse for a time."""

    def __init__(self) -> None:
        self.content = b"weights"
        self.tag = '"v1"'
        self.failures = 0
        self.requests = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        if request.method == "GET" and self.failures:
            self.failures -= 1
            return web.Response(status=503)
        return web.Response(body=self.content, headers={"ETag": self.tag})


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
async def url(files: Files) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/models/weights.bin", files.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/models/weights.bin"
    await runner.cleanup()


Connection = asyncssh.SSHClientConnection


async def test_a_directory_of_a_bucket_lands_whole(
    connection: Connection, machine: SshMachine, aws: str
) -> None:
    bucket = new_bucket()
    contents = {f"m/{number}/ü {number}#1[a].txt": b"x" * number for number in range(40)}
    put_objects(bucket, contents)
    await send_source(connection, await pin(f"s3://{bucket}/m"), "~/models")
    found = [path for path in (machine.home / "models").rglob("*") if path.is_file()]
    landed = {f"m/{path.relative_to(machine.home / 'models')}": path.read_bytes() for path in found}
    assert landed == contents


@pytest.mark.parametrize(
    ("target", "lands"),
    [("~/weights", "weights"), ("~/there", "there/weights.bin"), ("~/new/", "new/weights.bin")],
)
async def test_a_file_lands_as_the_file(
    connection: Connection, machine: SshMachine, url: str, files: Files, target: str, lands: str
) -> None:
    (machine.home / "there").mkdir()
    await send_source(connection, await pin(url), target)
    assert (machine.home / lands).read_bytes() == files.content
    assert not list(machine.home.rglob(".skyflow-download"))


async def test_a_server_that_refuses_for_a_moment_is_asked_again(
    connection: Connection, machine: SshMachine, url: str, files: Files
) -> None:
    source = await pin(url)
    files.failures = 1
    await send_source(connection, source, "~/weights")
    assert (machine.home / "weights").read_bytes() == files.content


@pytest.mark.parametrize(
    ("content", "tag"), [(b"another", '"v2"'), (b"longer than it was", '"v1"')]
)
async def test_a_file_that_has_changed_is_an_error(
    connection: Connection, url: str, files: Files, content: bytes, tag: str
) -> None:
    source = await pin(f"{url}?token=hush")
    files.content, files.tag = content, tag
    with pytest.raises(CommandFailed, match=r"weights\.bin: it has changed since") as caught:
        await send_source(connection, source, "~/weights")
    assert "hush" not in caught.value.message


async def test_an_object_that_has_changed_is_an_error_that_names_it(
    connection: Connection, aws: str
) -> None:
    bucket = new_bucket()
    put_objects(bucket, {"m/a": b"1", "m/b": b"1"})
    source = await pin(f"s3://{bucket}/m")
    put_objects(bucket, {"m/b": b"2"})
    with pytest.raises(CommandFailed, match=f"b of s3://{bucket}/m: it has changed since"):
        await send_source(connection, source, "~/models")


async def test_a_file_that_is_gone_is_an_error(connection: Connection, aws: str) -> None:
    bucket = new_bucket()
    put_objects(bucket, {"a": b"1"})
    source = await pin(f"s3://{bucket}/a")
    source = source.model_copy(
        update={"files": (source.files[0].model_copy(update={"key": "none"}),)}
    )
    with pytest.raises(CommandFailed, match="the server answers 404"):
        await send_source(connection, source, "~/a")


async def test_a_machine_fetches_a_snapshot_from_a_bucket_itself(
    connection: Connection,
    machine: SshMachine,
    settings: Settings,
    artifact: Artifact,
    bucket_store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def over_ssh(key: str) -> None:
        raise AssertionError(f"{key} was read here")

    monkeypatch.setattr(bucket_store, "stream", over_ssh)
    await send_artifact(connection, bucket_store, artifact)
    assert (machine.home / "app" / "serve").read_text() == "#!/bin/bash\n"


async def test_a_machine_that_cannot_reach_the_bucket_gets_a_snapshot_over_ssh(
    connection: Connection,
    machine: SshMachine,
    artifact: Artifact,
    bucket_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def unreachable(key: str, seconds: float) -> str:
        return "http://127.0.0.1:1/x?X-Amz-Signature=hush"

    monkeypatch.setattr(bucket_store, "url", unreachable)
    with caplog.at_level(logging.INFO):
        await send_artifact(connection, bucket_store, artifact)
    assert (machine.home / "app" / "serve").read_text() == "#!/bin/bash\n"
    assert "goes over SSH" in caplog.text
    assert "hush" not in caplog.text


@pytest.fixture
def bucket_store(settings: Settings, aws: str) -> Store:
    return Store(replace(settings, bucket_url=f"s3://{new_bucket()}"))


@pytest.fixture
async def artifact(bucket_store: Store, machine: SshMachine) -> Artifact:
    source = machine.home.parent / "source"
    source.mkdir()
    await asyncio.to_thread((source / "serve").write_text, "#!/bin/bash\n")
    return await stored(bucket_store, source, "~/app")

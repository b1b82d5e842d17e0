"""A stack whose store is a bucket, and a service with files from everywhere."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from skyflow.storage.store import Store
from tests.e2e.conftest import running_stack
from tests.e2e.secrecy import files_holding, histories
from tests.e2e.services import SERVE, SERVER
from tests.e2e.stack import Stack
from tests.moto import aws_environment, moto_server, new_bucket, put_objects

pytestmark = pytest.mark.xdist_group("e2e-bucket")

BUCKET = "s3://skyflow-e2e/some/where"
CHECK = 'echo "found $(cat ~/model/deep/weights) $(cat ~/page)"\n'
SIGNATURE = "X-Amz-Signature"
TOKEN = "zq7-token-Rm4tS8"


@pytest.fixture(scope="module")
async def stack(_environment: None) -> AsyncIterator[Stack]:
    with moto_server() as url, pytest.MonkeyPatch.context() as patch:
        for name, value in aws_environment(url).items():
            patch.setenv(name, value)
        # On the computer's own network a machine reaches what listens on loopback.
        async with running_stack("shared", BUCKET) as stack:
            yield stack


@pytest.fixture
async def page() -> AsyncIterator[str]:
    """Give the URL of a file that only those get who know a token."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="page", status=200 if request.query.get("t") == TOKEN else 403)

    app = web.Application()
    app.router.add_get("/page.txt", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/page.txt?t={TOKEN}"
    await runner.cleanup()


def repository(path: Path) -> str:
    path.mkdir()
    shutil.copy(SERVER, path)
    for arguments in (
        ("init", "--quiet"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "x"),
    ):
        subprocess.run(["git", "-C", str(path), *arguments], check=True)
    return f"file://{path}"


async def test_a_replica_has_its_files_and_nothing_is_left_of_them(
    stack: Stack, page: str, tmp_path: Path
) -> None:
    models = new_bucket()
    put_objects(models, {"v1/deep/weights": b"weights"})
    document = {
        "workdir": {"url": repository(tmp_path / "repository")},
        "file_mounts": {"~/model": f"s3://{models}/v1", "~/page": page},
        "service": {"readiness_probe": "/ready"},
        "run": CHECK + SERVE,
    }
    (tmp_path / "service.yaml").write_text(yaml.safe_dump(document))
    outcome = await stack.run("serve", "up", tmp_path / "service.yaml", "-n", "files", "-y")
    assert "Service files is READY" in outcome.out
    assert TOKEN not in outcome.text
    logs = await stack.run("serve", "logs", "files", "1", "--no-follow")
    assert "found weights page" in logs.out
    for text in (SIGNATURE, TOKEN):
        said = await histories(await stack.temporal())
        assert [name for name, history in said.items() if text.encode() in history] == []
        assert files_holding(stack.home, text) == set()
    store = Store(stack.settings)
    assert len(await store.directories("services")) == 1
    await stack.run("serve", "down", "files", "-y")
    assert await store.directories("services") == ()


async def test_what_is_not_there_is_refused_before_anything_is_made(
    stack: Stack, tmp_path: Path
) -> None:
    document = {
        "file_mounts": {"/model": f"s3://{new_bucket()}/v1"},
        "service": {},
        "run": "exit 1",
    }
    (tmp_path / "service.yaml").write_text(yaml.safe_dump(document))
    outcome = await stack.run("serve", "up", tmp_path / "service.yaml", "-y", status=2)
    assert "there is nothing at s3://" in outcome.err
    assert await (await stack.sdk()).status() == []


async def test_a_command_that_means_another_store_is_refused(stack: Stack) -> None:
    outcome = await stack.run("stack", "up", status=1, SKYFLOW_STORE="")
    assert "SKYFLOW_STORE" in outcome.err

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import asyncssh
import pytest

from skyflow.errors import CommandFailed
from skyflow.remote.files import send_artifact, shell_path
from skyflow.storage.snapshot import snapshot
from skyflow.storage.specs import Artifact
from skyflow.storage.store import Store
from tests.remote.conftest import SshMachine


async def stored(store: Store, source: Path, target: str) -> Artifact:
    taken = await snapshot(source)
    await store.put_file("artifact", taken.path)
    taken.path.unlink()
    return Artifact(target=target, key="artifact", digest=taken.digest, is_file=taken.is_file)


async def test_a_directory_lands_in_the_workdir(
    connection: asyncssh.SSHClientConnection, machine: SshMachine, store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    (source / "bin").mkdir(parents=True)
    (source / "bin" / "serve").write_text("#!/bin/bash\n")
    (source / "bin" / "serve").chmod(0o755)
    (source / "link").symlink_to("bin/serve")
    await send_artifact(connection, store, await stored(store, source, "~/sky_workdir"))
    workdir = machine.home / "sky_workdir"
    assert os.access(workdir / "bin" / "serve", os.X_OK)
    assert (workdir / "link").readlink() == Path("bin/serve")


async def test_a_large_directory_is_streamed(
    connection: asyncssh.SSHClientConnection, machine: SshMachine, store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    content = os.urandom(12_000_000)
    (source / "weights").write_bytes(content)
    await send_artifact(connection, store, await stored(store, source, "~/models"))
    received = await asyncio.to_thread((machine.home / "models" / "weights").read_bytes)
    assert received == content


@pytest.mark.parametrize(
    ("target", "lands"),
    [
        ("~/conf/app config.yaml", "conf/app config.yaml"),
        ("~/conf/", "conf/local.yaml"),
        ("relative/it.yaml", "sky_workdir/relative/it.yaml"),
        ("~/it's $HOME", "it's $HOME"),
    ],
)
async def test_a_file_lands_as_the_file(
    connection: asyncssh.SSHClientConnection,
    machine: SshMachine,
    store: Store,
    tmp_path: Path,
    target: str,
    lands: str,
) -> None:
    source = tmp_path / "local.yaml"
    for content in ("first", "second"):
        source.write_text(content)
        await send_artifact(connection, store, await stored(store, source, target))
    landed = machine.home / lands
    assert landed.read_text() == "second"
    assert [path.name for path in landed.parent.iterdir()].count(landed.name) == 1
    assert not list(landed.parent.glob(".skyflow-*"))


async def test_an_absolute_target_is_taken_as_it_is(
    connection: asyncssh.SSHClientConnection, store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "key"
    source.write_text("private")
    source.chmod(0o600)
    target = tmp_path / "elsewhere" / "key"
    await send_artifact(connection, store, await stored(store, source, str(target)))
    assert target.read_text() == "private"
    assert target.stat().st_mode & 0o777 == 0o600


async def test_a_target_below_a_file_is_an_error(
    connection: asyncssh.SSHClientConnection, machine: SshMachine, store: Store, tmp_path: Path
) -> None:
    (machine.home / "file").touch()
    (tmp_path / "source").mkdir()
    artifact = await stored(store, tmp_path / "source", "~/file/below")
    with pytest.raises(CommandFailed):
        await send_artifact(connection, store, artifact)


def test_only_the_home_in_front_of_a_path_is_special() -> None:
    assert shell_path("~") == '"$HOME"'
    assert shell_path("~/a b") == "\"$HOME\"'/a b'"
    assert shell_path("/data/~x") == "'/data/~x'"

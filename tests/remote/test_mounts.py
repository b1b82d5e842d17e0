"""Mountpoint and FUSE are on real machines only: programs that note their arguments stand in.

What Mountpoint does with them is not shown here.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import cast

import asyncssh
import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.context import open_context
from activities.replica import ReplicaActivities
from skyflow.config import Settings
from skyflow.contracts import ReplicaTask
from skyflow.errors import CommandFailed
from skyflow.placement.offers import BucketPrefix
from skyflow.remote.mounts import VERSION, mount_bucket, mount_script
from skyflow.spec import LoadOptions, load_task
from skyflow.state import SpecReference
from skyflow.storage.specs import StoredMount, StoredSpec
from tests.remote.conftest import SshMachine

MODELS = BucketPrefix(bucket="models", prefix="it's $HOME/", read_only=True)
OUTPUT = BucketPrefix(bucket="output")


def mounted(bucket: BucketPrefix = OUTPUT, target: str = "~/data") -> StoredMount:
    return StoredMount(target=target, bucket=bucket, region="eu-west-1")


class Programs:
    """What is on the machine's PATH before all else."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.notes = directory / "notes"
        directory.mkdir()
        self.add("sudo", 'shift; exec "$@"')
        self.add("sleep", "")
        self.add("mountpoint", f"[ -e {directory}/mounted ]")

    def add(self, name: str, does: str) -> None:
        path = self.directory / name
        path.write_text(f"#!/bin/bash\n{does}\n")
        path.chmod(0o755)

    def add_noting(self, name: str, does: str = "") -> None:
        self.add(name, f"printf '%s|' {name} \"$@\" >>{self.notes}; echo >>{self.notes}\n{does}")

    @property
    def noted(self) -> list[list[str]]:
        if not self.notes.exists():
            return []
        return [line.split("|")[:-1] for line in self.notes.read_text().splitlines()]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = Programs(tmp_path / "programs")
    monkeypatch.setenv("PATH", f"{found.directory}:/usr/bin:/bin")
    return found


@pytest.mark.parametrize("what", [mounted(), mounted(MODELS, "/it's here"), mounted(target="x")])
def test_script_is_one(what: StoredMount) -> None:
    subprocess.run(["bash", "-n", "-c", mount_script(what)], check=True)


async def test_prefix_is_mounted_for_all_users_and_only_once(
    connection: asyncssh.SSHClientConnection, machine: SshMachine, programs: Programs
) -> None:
    programs.add_noting("mount-s3", f"touch {programs.directory}/mounted")
    for _ in range(2):
        await mount_bucket(connection, mounted(MODELS, "~/a b"))
    (noted,) = programs.noted
    target = machine.home / "a b"
    assert target.is_dir()
    assert noted[1:4] == ["--allow-other", "--uid", str(target.stat().st_uid)]
    assert noted[6:] == [
        *("--region", "eu-west-1", "--prefix", "it's $HOME/", "--read-only"),
        *("models", str(target)),
    ]


async def test_whole_bucket_can_be_written_to(
    connection: asyncssh.SSHClientConnection, programs: Programs
) -> None:
    programs.add_noting("mount-s3", f"touch {programs.directory}/mounted")
    await mount_bucket(connection, mounted())
    assert programs.noted[0][8:-1] == ["--allow-delete", "--allow-overwrite", "output"]


async def test_role_that_s3_does_not_know_yet_is_waited_for(
    connection: asyncssh.SSHClientConnection, programs: Programs
) -> None:
    here = programs.directory
    denied = f"[ $(wc -l <{programs.notes}) -gt 2 ] || {{ echo Access denied >&2; exit 1; }}"
    programs.add_noting("mount-s3", f"{denied}\ntouch {here}/mounted")
    await mount_bucket(connection, mounted())
    assert len(programs.noted) == 3


async def test_bucket_that_cannot_be_mounted_is_named_with_the_reason(
    connection: asyncssh.SSHClientConnection, programs: Programs
) -> None:
    programs.add_noting("mount-s3", "echo Access denied >&2; exit 1")
    with pytest.raises(CommandFailed, match=r"cannot mount s3://output/: Access denied"):
        await mount_bucket(connection, mounted())
    assert 1 < len(programs.noted) < 20
    programs.add("mount-s3", "echo gone at once")
    with pytest.raises(CommandFailed, match="gone at once"):
        await mount_bucket(connection, mounted())


async def test_mounter_that_stays_in_the_background_is_not_waited_for(
    connection: asyncssh.SSHClientConnection, programs: Programs
) -> None:
    end = programs.directory / "end"
    os.mkfifo(end)
    programs.add("mount-s3", f"cat {end} & touch {programs.directory}/mounted")
    try:
        async with asyncio.timeout(60):
            await mount_bucket(connection, mounted())
    finally:
        await asyncio.to_thread(end.write_text, "")


@pytest.mark.parametrize(("machine_is", "package"), [("x86_64", "x86_64"), ("aarch64", "arm64")])
async def test_mounter_is_installed_if_it_is_missing(
    connection: asyncssh.SSHClientConnection, programs: Programs, machine_is: str, package: str
) -> None:
    here = programs.directory
    programs.add("uname", f"echo {machine_is}")
    programs.add_noting("curl")
    # The first time, as on a new machine, nothing is known of what the package needs.
    updated = f'[ -e {here}/updated ] || {{ [ "${{!#}}" = update ] && touch {here}/updated; }}'
    mounter = f"printf '#!/bin/bash\\ntouch {here}/mounted\\n' >{here}/mount-s3"
    programs.add_noting("apt-get", f"{updated} || exit 1\n{mounter}; chmod +x {here}/mount-s3")
    await mount_bucket(connection, mounted())
    curl, *steps = programs.noted
    assert curl[-1].endswith(f"/{VERSION}/{package}/mount-s3-{VERSION}-{package}.deb")
    assert [step[4] for step in steps] == ["install", "update", "install"]
    assert steps[0][-1] == curl[curl.index("--output") + 1]


async def test_mounter_that_cannot_be_had_is_said_with_the_remedy(
    connection: asyncssh.SSHClientConnection, machine: SshMachine, programs: Programs
) -> None:
    programs.add_noting("curl", "echo no way >&2; exit 6")
    with pytest.raises(CommandFailed, match=r"add mount-s3 to the image: .*no way"):
        await mount_bucket(connection, mounted())
    assert not (machine.home / "data").exists()


async def test_setup_finds_the_bucket_mounted(
    machine: SshMachine, programs: Programs, settings: Settings, tmp_path: Path
) -> None:
    # What is mounted is there after the command: the last argument is where.
    programs.add_noting("mount-s3", f'touch "${{!#}}/model"; touch {programs.directory}/mounted')
    path = tmp_path / "service.yaml"
    path.write_text("service: {readiness_probe: /}\nsetup: ls ~/data >seen\nrun: sleep 1\n")
    spec = StoredSpec(task=load_task(path, LoadOptions()), mounts=(mounted(),))
    reference = SpecReference(digest="1", key="services/aa/spec/1")
    async with open_context(settings, cast("Client", None)) as context:
        content = spec.model_dump_json().encode()
        await context.store.put(reference.key, context.keyring.encrypt(content, reference.key))
        task = ReplicaTask(
            service="s",
            incarnation="aa",
            replica_id=1,
            version=1,
            spec=reference,
            nodes=(machine.record,),
        )
        prepare = ReplicaActivities(context).prepare_replica
        await ActivityEnvironment().run(prepare, task)
    assert (machine.home / "sky_workdir" / "seen").read_text() == "model\n"

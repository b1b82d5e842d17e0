from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from skyflow.config import Settings
from skyflow.errors import StorageError, UsageError
from skyflow.placement.offers import BucketPrefix
from skyflow.spec import LoadOptions, Task, load_task
from skyflow.state import SpecReference
from skyflow.storage.keyring import Keyring
from skyflow.storage.specs import StoredMount, load_spec, prepare, stored_incarnations
from skyflow.storage.store import Store
from tests.moto import new_bucket

YAML = """
workdir: .
file_mounts:
  ~/config.json: config.json
secrets:
  TOKEN: hush-hush
run: python server.py
service:
  readiness_probe: /
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    (path / "service.yaml").write_text(YAML)
    (path / "server.py").write_text("print()")
    (path / "config.json").write_text("{}")
    return path


def task(folder: Path) -> Task:
    return load_task(folder / "service.yaml", LoadOptions())


async def digest(folder: Path, keyring: Keyring) -> str:
    async with prepare(task(folder), keyring) as prepared:
        return prepared.digest


async def saved(folder: Path, store: Store, keyring: Keyring) -> SpecReference:
    async with prepare(task(folder), keyring) as prepared:
        return await prepared.save(store, "1")


async def test_a_spec_comes_back_whole(folder: Path, store: Store, keyring: Keyring) -> None:
    spec = await load_spec(store, keyring, await saved(folder, store, keyring))
    assert spec.task == task(folder)
    assert [each.target for each in spec.artifacts] == ["~/sky_workdir", "~/config.json"]
    assert [each.is_file for each in spec.artifacts] == [False, True]
    assert all([await store.exists(each.key) for each in spec.artifacts])


async def test_preparing_writes_nothing_and_leaves_nothing(
    folder: Path, local_store: Store, keyring: Keyring, settings: Settings
) -> None:
    async with prepare(task(folder), keyring) as prepared:
        paths = [taken.path for _, taken in prepared.snapshots]
        assert all(path.exists() for path in paths)
    assert not any(path.exists() for path in paths)
    assert list(settings.store.iterdir()) == []


async def test_the_digest_is_the_same_wherever_the_files_are(
    folder: Path, keyring: Keyring, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert await digest(folder, keyring) == await digest(tmp_path / "elsewhere", keyring)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("service.yaml", "hush-hush", "other"),
        ("service.yaml", "~/config.json:", "~/settings.json:"),
        ("server.py", "print()", "print(1)"),
        ("config.json", "{}", "[]"),
    ],
)
async def test_the_digest_covers_secrets_and_files(
    folder: Path, keyring: Keyring, name: str, old: str, new: str
) -> None:
    before = await digest(folder, keyring)
    path = folder / name
    path.write_text(path.read_text().replace(old, new))
    assert await digest(folder, keyring) != before


async def test_the_digest_cannot_be_made_without_the_key(folder: Path, keyring: Keyring) -> None:
    assert await digest(folder, keyring) != await digest(folder, Keyring(bytes(32)))


async def test_no_secret_is_readable_in_the_store(
    folder: Path, store: Store, keyring: Keyring
) -> None:
    # Of the files, the YAML itself is part of the workdir: what is in it is the user's choice.
    (folder / ".skyflowignore").write_text("service.yaml\n")
    reference = await saved(folder, store, keyring)
    assert b"hush-hush" not in await store.get(reference.key)


async def test_a_spec_moved_to_another_key_is_refused(
    folder: Path, store: Store, keyring: Keyring
) -> None:
    reference = await saved(folder, store, keyring)
    await store.put("services/2/spec/x", await store.get(reference.key))
    with pytest.raises(StorageError, match="cannot be decrypted"):
        await load_spec(store, keyring, SpecReference(digest="x", key="services/2/spec/x"))


async def test_files_that_nobody_has_changed_since_are_found_by_their_incarnation(
    folder: Path, store: Store, keyring: Keyring
) -> None:
    assert await stored_incarnations(store, time.time() + 60) == ()
    await saved(folder, store, keyring)
    await store.put("logs/hello.2/run", b"x")
    assert await stored_incarnations(store, time.time() + 60) == ("1",)
    assert await stored_incarnations(store, time.time() - 60) == ()


async def test_a_spec_of_another_version_is_an_error_without_its_values(
    store: Store, keyring: Keyring
) -> None:
    content = b'{"task": {"secrets": {"TOKEN": ["hush-hush"]}}}'
    await store.put("key", keyring.encrypt(content, "key"))
    with pytest.raises(StorageError, match=r"task\.run") as caught:
        await load_spec(store, keyring, SpecReference(digest="x", key="key"))
    assert "hush-hush" not in str(caught.value)


@pytest.mark.usefixtures("aws")
async def test_a_mounted_bucket_is_looked_up_and_kept_with_its_region(
    folder: Path, store: Store, keyring: Keyring
) -> None:
    def mount(text: str) -> None:
        mounts = f"  /m: {{source: {text}}}"
        (folder / "service.yaml").write_text(YAML.replace("secrets:", f"{mounts}\nsecrets:"))

    bucket = new_bucket("us-west-2")
    mount(f"s3://{bucket}/llama")
    spec = await load_spec(store, keyring, await saved(folder, store, keyring))
    wanted = BucketPrefix(bucket=bucket, prefix="llama/")
    assert spec.mounts == (StoredMount(target="/m", bucket=wanted, region="us-west-2"),)
    assert spec.sources == ()
    before = await digest(folder, keyring)
    mount(f"s3://{bucket}/llama, mount_options: ro")
    assert await digest(folder, keyring) != before
    mount("s3://no-such-bucket-anywhere")
    with pytest.raises(UsageError, match="there is no bucket 'no-such-bucket-anywhere'"):
        await digest(folder, keyring)

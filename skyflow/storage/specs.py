"""Full specs with their secrets and files, as kept in the store."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from skyflow.errors import StorageError
from skyflow.naming import service_directory
from skyflow.placement.offers import BucketPrefix
from skyflow.records import Record
from skyflow.spec import Task
from skyflow.spec.sources import GitSource
from skyflow.state import SpecReference
from skyflow.storage.keyring import Keyring
from skyflow.storage.snapshot import Snapshot, snapshot
from skyflow.storage.sources.git import check_out
from skyflow.storage.sources.pinned import PinnedSource, shown_url
from skyflow.storage.sources.pinning import pin
from skyflow.storage.sources.s3 import region_of
from skyflow.storage.store import Store

AnyRecord = TypeVar("AnyRecord", bound=Record)

WORKDIR_TARGET = "~/sky_workdir"
"""Where the workdir goes on a machine: SkyPilot's place."""


class Artifact(Record):
    """Files in the store that are put on each machine."""

    target: str
    """Path on the machine."""
    key: str
    """Key of a tar.gz archive in the store."""
    digest: str
    is_file: bool = False
    """Whether the target is one file, the only one in the archive."""


class StoredSource(Record):
    """Files from elsewhere that each machine fetches."""

    target: str
    """Path on the machine."""
    key: str
    """Key of what was found at `up`, encrypted."""


class StoredMount(Record):
    """A bucket of S3 that each machine mounts."""

    target: str
    """Path on the machine."""
    bucket: BucketPrefix
    region: str


class StoredSpec(Record):
    """Everything that a replica runs."""

    task: Task
    artifacts: tuple[Artifact, ...] = ()
    """In the order in which they are put in place."""
    sources: tuple[StoredSource, ...] = ()
    """In the order in which they are put in place, after the artifacts."""
    mounts: tuple[StoredMount, ...] = ()
    """In the order in which they are mounted, after all else is in place."""


@dataclass(frozen=True)
class PreparedSpec:
    """A spec whose files are at hand and whose digest is known; nothing is stored yet."""

    task: Task
    digest: str
    """Keyed digest of the task, secrets included, and of the content of its files."""
    keyring: Keyring
    snapshots: tuple[tuple[str, Snapshot], ...]
    """Snapshots by target."""
    sources: tuple[tuple[str, PinnedSource], ...] = ()
    """What machines fetch from elsewhere, by target."""
    mounts: tuple[StoredMount, ...] = ()
    """What machines mount."""

    async def save(self, store: Store, incarnation: str) -> SpecReference:
        """Store the files, then the encrypted spec; once it is there, so are its files.

        Raises:
            StorageError: Something could not be written.

        """
        directory = service_directory(incarnation)
        artifacts: list[Artifact] = []
        for target, taken in self.snapshots:
            key = f"{directory}/artifacts/{taken.digest}.tar.gz"
            await store.put_file(key, taken.path, overwrite=False)
            artifacts.append(
                Artifact(target=target, key=key, digest=taken.digest, is_file=taken.is_file)
            )
        reference = SpecReference(digest=self.digest, key=f"{directory}/spec/{self.digest}")
        sources = [
            StoredSource(target=target, key=f"{directory}/sources/{self.digest}/{number}")
            for number, (target, _) in enumerate(self.sources)
        ]
        for stored, (_, source) in zip(sources, self.sources, strict=True):
            await self._put(store, stored.key, source)
        spec = StoredSpec(
            task=self.task,
            artifacts=tuple(artifacts),
            sources=tuple(sources),
            mounts=self.mounts,
        )
        await self._put(store, reference.key, spec)
        # Temporal will name it from now on: a service whose spec is gone could never start again.
        await store.flush(directory)
        return reference

    async def _put(self, store: Store, key: str, record: Record) -> None:
        await store.put(key, self.keyring.encrypt(record.model_dump_json().encode(), key))


@asynccontextmanager
async def prepare(
    task: Task, keyring: Keyring, on_progress: Callable[[str], None] = lambda _: None
) -> AsyncIterator[PreparedSpec]:
    """Take snapshots of a task's files and look at those from elsewhere.

    The snapshots are removed at the end; nothing else is written.

    Args:
        task: The task.
        keyring: Keys of the installation.
        on_progress: Called with what is asked of other computers, before it is.

    Raises:
        UsageError: A file is missing or unreadable, here or elsewhere.
        StorageUnavailable: There is no room, or another computer does not answer.

    """
    with tempfile.TemporaryDirectory(prefix="skyflow-") as directory:
        taken = [
            (target, await snapshot(source, Path(directory)))
            for target, source in sorted(task.local_mounts().items())
        ]
        if task.workdir is not None:
            workdir = await _workdir(task.workdir, Path(directory), on_progress)
            taken.insert(0, (WORKDIR_TARGET, workdir))
        found = list[tuple[str, PinnedSource]]()
        for target, url in sorted(task.remote_mounts().items()):
            on_progress(f"Looking at {shown_url(url)}")
            found.append((target, await pin(url)))
        mounts = [
            StoredMount(target=target, bucket=bucket, region=await _region(bucket, on_progress))
            for target, bucket in sorted(task.mounted_buckets().items())
        ]
        digest = _digest(task, keyring, taken, found)
        yield PreparedSpec(task, digest, keyring, tuple(taken), tuple(found), tuple(mounts))


async def load_spec(store: Store, keyring: Keyring, reference: SpecReference) -> StoredSpec:
    """Return a stored spec.

    Raises:
        StorageError: It is not there, or cannot be decrypted or read.

    """
    return await _load(store, keyring, reference.key, StoredSpec)


async def load_source(store: Store, keyring: Keyring, source: StoredSource) -> PinnedSource:
    """Return what was found of a source when its service was deployed.

    Raises:
        StorageError: It is not there, or cannot be decrypted or read.

    """
    return await _load(store, keyring, source.key, PinnedSource)


async def stored_incarnations(store: Store, before: float) -> tuple[str, ...]:
    """Return the incarnations that have files in the store, none changed after a time.

    Args:
        store: Where to look.
        before: Time (Unix, seconds).

    Raises:
        StorageError: The store could not be read.

    """
    found = []
    for directory in await store.directories(service_directory("x").rpartition("/")[0]):
        objects = await store.list(directory)
        if max((each.modified for each in objects), default=0.0) < before:
            found.append(directory.rpartition("/")[2])
    return tuple(found)


async def _workdir(
    source: Path | GitSource, directory: Path, on_progress: Callable[[str], None]
) -> Snapshot:
    if isinstance(source, Path):
        return await snapshot(source, directory)
    on_progress(f"Fetching {shown_url(source.url)}")
    checkout = directory / "workdir"
    await check_out(source.url, source.ref, checkout)
    # What is in a repository belongs to it, whatever its own .gitignore says.
    return await snapshot(checkout, directory, ignore=False)


async def _region(bucket: BucketPrefix, on_progress: Callable[[str], None]) -> str:
    url = f"s3://{bucket.bucket}"
    on_progress(f"Looking at {url}")
    return await asyncio.to_thread(region_of, url)


async def _load(store: Store, keyring: Keyring, key: str, kind: type[AnyRecord]) -> AnyRecord:
    content = keyring.decrypt(await store.get(key), key)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        # Without its values: they may be secrets.
        places = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise StorageError(
            f"{key} was stored by another version of skyflow: {places}",
            "run `skyflow serve up` again with the service's YAML",
        ) from None


def _digest(
    task: Task,
    keyring: Keyring,
    taken: Sequence[tuple[str, Snapshot]],
    found: Sequence[tuple[str, PinnedSource]],
) -> str:
    """Return the digest: the same on every computer and for every path the files are at."""
    exclude: dict[str, bool | set[str]] = {
        "redacted": True,
        "file_mounts": task.file_mounts.keys()
        - task.remote_mounts().keys()
        - task.mounted_buckets().keys(),
    }
    if task.workdir is not None:
        exclude["workdir"] = True
    content = {
        "task": task.model_dump(mode="json", exclude=exclude),
        "files": [[target, each.digest, each.is_file] for target, each in taken],
    }
    if found:
        content["sources"] = [[target, each.model_dump(mode="json")] for target, each in found]
    return keyring.digest(json.dumps(content, sort_keys=True).encode())

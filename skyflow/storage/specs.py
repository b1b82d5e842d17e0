"""Full specs with their secrets and files, as kept in the store."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from skyflow.errors import StorageError
from skyflow.naming import service_directory
from skyflow.records import Record
from skyflow.spec import Task
from skyflow.state import SpecReference
from skyflow.storage.keyring import Keyring
from skyflow.storage.snapshot import Snapshot, snapshot
from skyflow.storage.store import Store

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


class StoredSpec(Record):
    """Everything that a replica runs."""

    task: Task
    artifacts: tuple[Artifact, ...] = ()
    """In the order in which they are put in place."""


@dataclass(frozen=True)
class PreparedSpec:
    """A spec whose files are at hand and whose digest is known; nothing is stored yet."""

    task: Task
    digest: str
    """Keyed digest of the task, secrets included, and of the content of its files."""
    keyring: Keyring
    snapshots: tuple[tuple[str, Snapshot], ...]
    """Snapshots by target."""

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
        spec = StoredSpec(task=self.task, artifacts=tuple(artifacts))
        content = self.keyring.encrypt(spec.model_dump_json().encode(), reference.key)
        await store.put(reference.key, content)
        # Temporal will name it from now on: a service whose spec is gone could never start again.
        await store.flush(directory)
        return reference


@asynccontextmanager
async def prepare(task: Task, keyring: Keyring) -> AsyncIterator[PreparedSpec]:
    """Take snapshots of a task's files, and remove them at the end; nothing else is written.

    Raises:
        UsageError: A file is missing or unreadable.

    """
    with tempfile.TemporaryDirectory(prefix="skyflow-") as directory:
        sources = [(WORKDIR_TARGET, task.workdir)] if isinstance(task.workdir, Path) else []
        taken = [
            (target, await snapshot(source, Path(directory)))
            for target, source in [*sources, *sorted(task.local_mounts().items())]
        ]
        yield PreparedSpec(task, _digest(task, keyring, taken), keyring, tuple(taken))


async def load_spec(store: Store, keyring: Keyring, reference: SpecReference) -> StoredSpec:
    """Return a stored spec.

    Raises:
        StorageError: It is not there, or cannot be decrypted or read.

    """
    content = keyring.decrypt(await store.get(reference.key), reference.key)
    try:
        return StoredSpec.model_validate_json(content)
    except ValidationError as error:
        # Without its values: they may be secrets.
        places = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise StorageError(
            f"{reference.key} was stored by another version of skyflow: {places}",
            "run `skyflow serve up` again with the service's YAML",
        ) from None


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


def _digest(task: Task, keyring: Keyring, taken: list[tuple[str, Snapshot]]) -> str:
    """Return the digest: the same on every computer and for every path the files are at."""
    exclude: dict[str, bool | set[str]] = {
        "redacted": True,
        "file_mounts": set(task.local_mounts()),
    }
    if isinstance(task.workdir, Path):
        exclude["workdir"] = True
    content = {
        "task": task.model_dump(mode="json", exclude=exclude),
        "files": [[target, each.digest, each.is_file] for target, each in taken],
    }
    return keyring.digest(json.dumps(content, sort_keys=True).encode())

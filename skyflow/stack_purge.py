"""Removing an installation from this computer: its stack, its machines and all of its files."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from skyflow.clouds.local.directory import remove_tree
from skyflow.clouds.local.purge import end_machines, machines_here
from skyflow.clouds.registry import owned_machines, remove_shared
from skyflow.config import Settings
from skyflow.errors import StorageError, UsageError
from skyflow.installation import known_installation_id
from skyflow.naming import machine_prefix
from skyflow.records import Record
from skyflow.stack import stop_stack
from skyflow.stack_state import read_state
from skyflow.state import ServiceStatus

_LOCAL = "local"
_INCARNATION = r"[0-9a-f]{8}"
_MADE: dict[str, str] = {
    "": "machines|stack|balancer|catalog|aws|store|keys",
    "machines": r"ledger\.jsonl|\.ended|\.removing",
    "stack": r"state\.json|supervisor\.lock|temporal\.db.*|worker\.sock|logs",
    "stack/logs": r"(supervisor|temporal|worker|lb-data|lb-control)\.log(\.\d+)?",
    "balancer": r"(control|next|data\d+|\d+)\.sock|control\.lock"
    r"|(alive|counters)\.json|endpoints|access",
    "balancer/endpoints": r".+\.[0-9a-f]{16}\.json|.+\.tmp",
    "balancer/access": rf".+\.{_INCARNATION}\.log(\.\d+)?",
    "catalog": "refreshed",
    "catalog/refreshed": r"[a-z0-9_-]+\.csv",
    "aws": r"zones-\d+\.json|instance-role",
    "store": "services|logs",
    "store/services": _INCARNATION,
    "store/logs": rf".+\.{_INCARNATION}",
    "keys": r"master\.key|installation",
}
"""What skyflow makes in each directory below `SKYFLOW_HOME`. All else is somebody's: the variable
may name a directory that is used for other things too."""

_DRAFT = re.compile(r"^\.(.+)-\w{8}$")
"""What a file is called until it is whole (skyflow/durable_files.py)."""


class PurgePlan(Record):
    """What there is to lose."""

    services: tuple[str, ...] = ()
    """Services that run, as far as can be told."""
    machines: int = 0
    """Machines on this computer."""
    doubts: tuple[str, ...] = ()
    """What could not be asked whether anything runs there, and why."""


class Purged(Record):
    """What has become of an installation."""

    stopped: bool
    """Whether anything of the stack ran."""
    machines: int
    """Number of machines that were ended."""
    left: tuple[str, ...] = ()
    """What is left in the installation's directories, because skyflow did not make it."""


async def plan_purge(
    settings: Settings, running: Sequence[ServiceStatus] | None, external: str | None
) -> PurgePlan:
    """Say what a purge ends.

    Args:
        settings: Settings of the installation.
        running: What its services say; None if they cannot be asked.
        external: Address of the Temporal in use, if it is not the installation's own.

    Raises:
        UsageError: Something of it runs elsewhere, which nobody would look after any more.

    """
    names = sorted({status.service for status in running or ()})
    if external and names:
        raise _elsewhere(f"services run with Temporal at {external}: {', '.join(names)}")
    prefix = known_installation_id(settings)
    found, problems = await owned_machines(settings, machine_prefix(prefix)) if prefix else ((), ())
    places = [machine.place for machine in found]
    places += [r.place for status in running or () for r in status.replicas if r.live and r.place]
    if others := sorted({place.cloud for place in places} - {_LOCAL}):
        raise _elsewhere(f"it has machines at other clouds: {', '.join(others)}")
    if external and running is None:
        problems = (*problems, f"Temporal at {external} does not answer")
    return PurgePlan(
        services=tuple(names or _last_served(settings)),
        machines=len(machines_here(settings)),
        doubts=problems,
    )


async def purge(settings: Settings, on_progress: Callable[[str], None] = lambda _: None) -> Purged:
    """End everything of an installation on this computer, and remove what skyflow made of it.

    It can be called again after it was broken off, and whatever state the installation is in.

    Raises:
        StackError: Something of the stack does not end.
        CloudError: Something of a machine does not end.
        StorageError: Files cannot be removed.

    """
    stopped = await stop_stack(settings, on_progress)
    on_progress("Ending the machines on this computer")
    machines = await end_machines(settings)
    await remove_shared(settings)
    if url := _bucket_url(settings):
        from skyflow.storage.store import Store

        on_progress(f"Removing what this installation has in {url}")
        await Store(replace(settings, bucket_url=url)).remove_bucket()
    on_progress(f"Removing what is in {settings.home}")
    try:
        await asyncio.to_thread(_remove, settings.home, "")
    except OSError as error:
        raise StorageError(
            f"files of {settings.home} cannot be removed: {error}",
            "correct their permissions, then run `skyflow stack down --purge` again",
        ) from error
    return Purged(stopped=stopped, machines=machines, left=tuple(_left(settings.home)))


def _bucket_url(settings: Settings) -> str | None:
    """Return the bucket of the store: as the environment says, else as the stack last ran."""
    state = read_state(settings)
    return settings.bucket_url or (state.bucket_url if state else None)


def _elsewhere(what: str) -> UsageError:
    return UsageError(
        f"this installation cannot be purged: {what}; without it nobody would end them",
        "run `skyflow serve down --all` first (`skyflow stack up` before it, if the stack is down)",
    )


def _last_served(settings: Settings) -> list[str]:
    """Return the services that the balancer keeps endpoints of, as their files are called."""
    files = (settings.balancer / "endpoints").glob("*.json")
    return sorted({path.name.rsplit(".", 2)[0] for path in files})


def _remove(home: Path, part: str) -> None:
    """Remove what is known in a directory, in the order of the table, then that if it is empty."""
    directory = home / part
    try:
        entries = {path.name: path for path in directory.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in _ordered(part, entries):
        below = f"{part}/{name}" if part else name
        if below in _MADE:
            _remove(home, below)
        elif entries[name].is_dir() and not entries[name].is_symlink():
            remove_tree(entries[name])
        else:
            entries[name].unlink(missing_ok=True)
    if not any(directory.iterdir()):
        directory.unlink() if directory.is_symlink() else directory.rmdir()


def _ordered(part: str, names: Iterable[str]) -> list[str]:
    # The keys last: by them a purge that was broken off knows the installation again.
    known = [name for name in names if re.fullmatch(_MADE[part], _DRAFT.sub(r"\1", name))]
    order = list(_MADE)
    return sorted(known, key=lambda name: (order.index(name) if name in order else 0, name))


def _left(home: Path) -> Iterator[str]:
    for name in (part for part in _MADE if part and "/" not in part):
        with contextlib.suppress(OSError):
            yield from sorted(f"{name}/{path.name}" for path in (home / name).iterdir())

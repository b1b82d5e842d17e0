"""The `local` cloud: machines on this computer."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
from collections.abc import Mapping, Sequence

import psutil

from skyflow.clouds.base import (
    Cloud,
    CloudCheck,
    Machine,
    MachineKeys,
    MachineRequest,
    MachineState,
)
from skyflow.clouds.ledger import Ledger
from skyflow.clouds.local.directory import Contact, MachineDirectory, Plan, is_name, names_in
from skyflow.clouds.local.lifetime import end_processes, launch_failure, start
from skyflow.clouds.local.mode import (
    NetworkMode,
    network_mode,
    own_network_problem,
    usable_way_out,
)
from skyflow.clouds.local.unsupported import unsupported_keys
from skyflow.clouds.local.way_out import WayOut
from skyflow.config import Settings
from skyflow.errors import InvalidRequest
from skyflow.placement.offers import Offer, Place, ResourceRequest

NAME = "local"
_SHARED_REMEDY = "set SKYFLOW_LOCAL_NETWORK=shared"


class LocalCloud(Cloud):
    """Machines on this computer, each an SSH server with a home of its own."""

    name = NAME

    def __init__(self, settings: Settings) -> None:
        self._machines = settings.machines
        self._wanted_network = settings.local_network
        self._wanted_outbound = settings.local_outbound
        self.ledger = Ledger(settings.machines / "ledger.jsonl")

    def network_mode(self) -> NetworkMode:
        """Return whether each machine has a network of its own or all share the computer's.

        The first call in a process tries it out, which takes a fraction of a second.
        """
        return network_mode(self._wanted_network)

    async def check(self) -> CloudCheck:
        """Say which network machines get, or why the one that was asked for is impossible."""
        if await self._mode() == "shared":
            return CloudCheck(cloud=NAME, enabled=True, detail="this computer, network shared")
        if problem := await asyncio.to_thread(own_network_problem):
            detail = f"{problem}; {_SHARED_REMEDY}"
            return CloudCheck(cloud=NAME, enabled=False, detail=detail)
        return CloudCheck(cloud=NAME, enabled=True, detail="this computer, an address per machine")

    def unsupported(self, request: ResourceRequest) -> Mapping[str, str]:
        """Refuse what would need another computer, or an account that labels are kept in."""
        return unsupported_keys(request)

    async def offers(self, request: ResourceRequest) -> Sequence[Offer]:
        """Return this computer as the one offer, if its real size meets the request."""
        named = (request.cloud, request.region, request.zone, request.instance_type)
        if any(part not in (None, NAME) for part in named) or self.unsupported(request):
            return []
        cpus = float(psutil.cpu_count() or 1)
        memory_gib = psutil.virtual_memory().total / 2**30
        if (request.cpus or 0) > cpus or (request.memory_gib or 0) > memory_gib:
            return []
        place = _place(use_spot=request.use_spot)
        return [Offer(place=place, hourly_price=0, cpus=cpus, memory_gib=round(memory_gib, 1))]

    async def launch(self, request: MachineRequest, keys: MachineKeys) -> Machine:
        """Start the machine, or return the one that has this name already; SSH answers then."""
        directory = self.directory(request.name)
        if directory is None:
            raise InvalidRequest(
                f"{request.name!r} cannot name a machine",
                "use at most 63 of the characters a-z, 0-9 and -, the first not a -",
            )
        own_network = await self._mode() == "own"
        await asyncio.to_thread(self._create, directory)
        if directory.contact is None:
            plan = Plan(
                own_network=own_network,
                port=request.port,
                user=_user_name(),
                host_private_key=keys.host_private_key,
                authorized_key=keys.authorized_key,
                way_out=await self._way_out() if own_network else None,
            )
            await start(directory, plan)
        contact = directory.contact
        if contact is None or directory.holder is None:
            raise launch_failure(directory, "has ended")
        return _machine(request, contact)

    async def describe(self, names: Sequence[str], region: str) -> Mapping[str, MachineState]:
        """Return the state of each machine: it is gone when its process is."""
        return {name: self._state(name) for name in names}

    async def terminate(self, names: Sequence[str], region: str) -> None:
        """End the machines with every process in them, and remove their files."""
        directories = [found for name in names if (found := self.directory(name))]
        await asyncio.gather(*(asyncio.to_thread(self._end, each) for each in directories))

    async def owned(self, prefix: str) -> Sequence[tuple[str, Place]]:
        """Return every machine of which anything is left: also half made, dead or half removed."""
        names = await asyncio.to_thread(names_in, self._machines)
        return [(name, _place()) for name in names if name.startswith(prefix)]

    async def notices(self, names: Sequence[str], region: str) -> Mapping[str, str]:
        """Return what the file `notice` in a machine's directory says, where there is one."""
        directories = [found for name in names if (found := self.directory(name))]
        return _read_notices(directories)

    async def stop(self, names: Sequence[str], region: str) -> None:
        """Refuse: machines of this computer are only ever ended."""
        raise InvalidRequest("local machines cannot be stopped", "terminate them")

    async def start(self, names: Sequence[str], region: str) -> None:
        """Refuse: machines of this computer are only ever ended."""
        raise InvalidRequest("local machines cannot be stopped and started", "launch new ones")

    async def _mode(self) -> NetworkMode:
        return await asyncio.to_thread(self.network_mode)

    async def _way_out(self) -> WayOut | None:
        return await asyncio.to_thread(usable_way_out, self._wanted_outbound)

    def directory(self, name: str) -> MachineDirectory | None:
        """Return the directory of a name, None if no machine can have it (`../x`)."""
        return MachineDirectory(self._machines, name) if is_name(name) else None

    def _create(self, directory: MachineDirectory) -> None:
        if not directory.ended:
            directory.create()
            self.ledger.created(directory.name, unless=lambda: directory.ended)
        # Asked after creating: one who ends the machine marks first and removes then, so that
        # either he finds the directory or the mark is found here.
        if directory.ended:
            self._end(directory)
            raise InvalidRequest(
                f"machine {directory.name} was terminated", "launch one with a new name"
            )

    def _state(self, name: str) -> MachineState:
        directory = self.directory(name)
        if directory is None or directory.holder is None:
            return MachineState.GONE
        return MachineState.RUNNING if directory.contact else MachineState.STARTING

    def _end(self, directory: MachineDirectory) -> None:
        directory.mark_ended()
        end_processes(directory)
        # Before the directory vanishes, by which alone an end that was broken off is found again.
        self.ledger.deleted(directory.name)
        directory.remove()


def _place(use_spot: bool = False) -> Place:
    return Place(cloud=NAME, region=NAME, zone=NAME, instance_type=NAME, use_spot=use_spot)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # Containers may run under a number that has no name.
        return str(os.getuid())


def _machine(request: MachineRequest, contact: Contact) -> Machine:
    return Machine(
        name=request.name,
        place=request.place,
        address=contact.address,
        ssh_port=contact.ssh_port,
        ssh_user=contact.ssh_user,
        internal_address=contact.address,
        replica_port=contact.replica_port,
    )


def _read_notices(directories: Sequence[MachineDirectory]) -> Mapping[str, str]:
    found = {}
    for directory in directories:
        with contextlib.suppress(FileNotFoundError):
            found[directory.name] = directory.notice.read_text(errors="replace").strip()
    return found

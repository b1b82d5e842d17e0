"""A machine for each running instance: processes, a network and files of its own, SSH, metadata."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from socket import create_server

from aiohttp import web
from pyroute2.iproute import IPRoute

from skyflow.clouds.local import namespaces
from skyflow.clouds.local.directory import Contact, MachineDirectory, Plan
from skyflow.clouds.local.lifetime import end_processes, launch_failure, start
from tests.clouds.aws_bench.cloud_init import Login
from tests.clouds.aws_bench.metadata import ADDRESS, Metadata
from tests.clouds.computer import entered


@dataclass(frozen=True)
class _Machine:
    directory: MachineDirectory
    contact: Contact
    metadata: Metadata
    service: web.AppRunner


class Machines:
    """The machines of instances, by instance id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._machines: dict[str, _Machine] = {}

    @property
    def running(self) -> frozenset[str]:
        """The instances whose machines run."""
        return frozenset(self._machines)

    @property
    def addresses(self) -> dict[str, str]:
        """The address of each machine."""
        return {name: machine.contact.address for name, machine in self._machines.items()}

    def metadata(self, instance: str) -> Metadata | None:
        """Return the metadata service of an instance, if its machine runs."""
        machine = self._machines.get(instance)
        return machine.metadata if machine else None

    async def boot(self, instance: str, login: Login, metadata: Metadata) -> None:
        """Start the machine of an instance; SSH answers when this returns."""
        directory = MachineDirectory(self._folder, instance)
        await asyncio.to_thread(directory.create)
        plan = Plan(
            own_network=True,
            port=0,
            user=login.user,
            host_private_key=login.host_private_key,
            authorized_key="\n".join(login.authorized_keys),
        )
        try:
            await start(directory, plan)
        except BaseException:
            await asyncio.to_thread(end_processes, directory)
            raise
        contact, holder = directory.contact, directory.holder
        if contact is None or holder is None:
            raise launch_failure(directory, "has ended")
        metadata.values["local-ipv4"] = contact.address
        service = await _serve(metadata, holder)
        self._machines[instance] = _Machine(directory, contact, metadata, service)

    async def halt(self, instance: str) -> None:
        """End everything in the machine of an instance, but keep its files."""
        if machine := self._machines.pop(instance, None):
            # Its socket would keep the machine's network alive.
            await machine.service.cleanup()
            await asyncio.to_thread(end_processes, machine.directory)

    async def end(self, instance: str) -> None:
        """End the machine of an instance with everything of it; one that has none is no error."""
        await self.halt(instance)
        await asyncio.to_thread(MachineDirectory(self._folder, instance).remove)

    async def end_all(self) -> None:
        """End every machine."""
        await asyncio.gather(*(self.end(instance) for instance in list(self._machines)))


async def _serve(metadata: Metadata, process: int) -> web.AppRunner:
    """Answer at the address of the metadata service inside the network of a process."""
    runner = web.AppRunner(metadata.application(), access_log=None, shutdown_timeout=0)
    await runner.setup()
    network = namespaces.open_network(process)
    try:
        await asyncio.to_thread(_have_address, network)
        with entered(network):
            listening = create_server((ADDRESS, 80))
    finally:
        os.close(network)
    await web.SockSite(runner, listening).start()
    return runner


def _have_address(network: int) -> None:
    with entered(network), IPRoute() as kernel:
        kernel.addr("add", index=kernel.link_lookup(ifname="lo")[0], address=ADDRESS, prefixlen=32)

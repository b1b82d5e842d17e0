"""Keys of machines in tests, connections to them, and what is left of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import asyncssh
import psutil

from skyflow.clouds.base import Machine, MachineKeys, MachineRequest
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.local.directory import MachineDirectory
from skyflow.clouds.local.processes import MARKER
from skyflow.placement.offers import Place
from tests.processes import running, variables_of

PLACE = Place(cloud="local", region="local", zone="local", instance_type="local")


def new_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def request(name: str = "skyflow-test-1", port: int = 8080) -> MachineRequest:
    return MachineRequest(name=name, place=PLACE, port=port)


@dataclass(frozen=True)
class Access:
    """The keys of one installation."""

    host: asyncssh.SSHKey = field(default_factory=new_key)
    client: asyncssh.SSHKey = field(default_factory=new_key)

    @property
    def keys(self) -> MachineKeys:
        return MachineKeys(
            host_private_key=self.host.export_private_key().decode(),
            host_public_key=self.host.export_public_key().decode(),
            authorized_key=self.client.export_public_key().decode(),
        )

    async def connect(
        self, machine: Machine, client: asyncssh.SSHKey | None = None
    ) -> asyncssh.SSHClientConnection:
        """Connect, and accept no host key but the one that the machine was started with."""
        return await asyncssh.connect(
            machine.address,
            machine.ssh_port,
            config=None,
            username=machine.ssh_user,
            client_keys=[client or self.client],
            known_hosts=([self.host.convert_to_public()], [], []),
        )

    async def run(self, machine: Machine, command: str) -> str:
        """Run a command that must succeed; return its output."""
        async with await self.connect(machine) as connection:
            done = await connection.run(command, check=True)
        return str(done.stdout)


def processes_of(cloud: LocalCloud, name: str) -> list[psutil.Process]:
    """Return every process that was started in a machine, and the machine's own."""
    path = str(directory_of(cloud, name).path)
    return running(p for p in psutil.process_iter() if variables_of(p).get(MARKER) == path)


def directory_of(cloud: LocalCloud, name: str) -> MachineDirectory:
    directory = cloud.directory(name)
    assert directory is not None
    return directory

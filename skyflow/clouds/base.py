"""What every cloud must answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum

from skyflow.placement.offers import BucketPrefix, Offer, Place, ResourceRequest
from skyflow.records import Record

MOUNTS = "file_mounts"
"""The key of what is mounted, among those that a cloud cannot carry out."""
NO_MOUNTS = (
    "only machines of aws can mount buckets; add `mode: COPY`, which puts the files on each machine"
)


class MachineRequest(Record):
    """One machine to start. The name makes the request idempotent."""

    name: str
    place: Place
    port: int
    """Port that the service wants to listen on."""
    disk_gib: int = 256
    disk_tier: str | None = None
    network_tier: str | None = None
    image: str | None = None
    """Image as the service YAML names it; None for the cloud's usual one."""
    accelerators: bool = False
    """Whether the machine has accelerators, for which the usual image differs."""
    labels: tuple[tuple[str, str], ...] = ()
    buckets: tuple[BucketPrefix, ...] = ()
    """What the machine may read and write without keys of its own, and nothing else."""


class MachineKeys(Record):
    """Keys that a machine is started with; derived, so never stored or sent through Temporal."""

    host_private_key: str
    """Private SSH host key in OpenSSH format, so that the host can be verified from the start."""
    host_public_key: str
    """Public SSH host key in OpenSSH format."""
    authorized_key: str
    """Public SSH key in OpenSSH format that may log in."""


class Machine(Record):
    """A machine that exists, and how to reach it."""

    name: str
    place: Place
    address: str
    """Address for SSH and for the balancer."""
    ssh_port: int = 22
    ssh_user: str
    internal_address: str
    """Address for the other nodes of the replica."""
    replica_port: int
    """Port that the service must listen on: the requested one, or another where the network is
    shared with other machines."""

    @property
    def url(self) -> str:
        """URL of the service on this machine."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.replica_port}"


class MachineState(StrEnum):
    """What a cloud says of a machine."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    PREEMPTED = "preempted"
    GONE = "gone"


class CloudCheck(Record):
    """Whether a cloud can be used from here."""

    cloud: str
    enabled: bool
    detail: str
    """Identity in use, or why the cloud cannot be used and the remedy."""
    set_up: bool = True
    """False if nobody has ever set the cloud up here, so that it can have no machines of ours."""


class Cloud(ABC):
    """One provider of machines. Every method may be called again after an answer was lost."""

    name: str
    notice_script: str | None = None
    """What tells, on a spot machine itself, what its cloud announces there only: a script for bash
    that prints it once there is something, and ends when its stdin does."""

    @abstractmethod
    async def check(self) -> CloudCheck:
        """Say whether the cloud can be used, and as whom."""

    def unsupported(self, request: ResourceRequest) -> Mapping[str, str]:
        """Return the keys that this cloud can carry out at no place, each with why.

        They are keys of `resources`, or `MOUNTS`. A request with such a key is not asked about: it
        would be met only in part.
        """
        return {MOUNTS: NO_MOUNTS} if request.buckets else {}

    @abstractmethod
    async def offers(self, request: ResourceRequest) -> Sequence[Offer]:
        """Return the offers that meet a request, in no particular order; empty if none does.

        Raises:
            CloudError: The offers could not be read.

        """

    @abstractmethod
    async def launch(self, request: MachineRequest, keys: MachineKeys) -> Machine:
        """Start the machine, or return the one that has this name already.

        Returns as soon as its address is known; SSH may not answer yet. Cancelling it leaves
        either no machine or one that `terminate` ends.

        Raises:
            NoCapacity: Nothing free at this place now.
            QuotaExceeded: The account's limit in this region.
            CredentialsError: The account cannot be used.
            InvalidRequest: It can never work here.
            CloudError: Anything else; worth another try.

        """

    @abstractmethod
    async def describe(self, names: Sequence[str], region: str) -> Mapping[str, MachineState]:
        """Return the state of each named machine of a region; one that is unknown is `GONE`."""

    @abstractmethod
    async def terminate(self, names: Sequence[str], region: str) -> None:
        """End the named machines and everything that was made for them; unknown ones are no error.

        Returns when they are gone or certain to go.
        """

    @abstractmethod
    async def owned(self, prefix: str) -> Sequence[tuple[str, Place]]:
        """Return every machine whose name starts with the prefix, with its place."""

    @abstractmethod
    async def notices(self, names: Sequence[str], region: str) -> Mapping[str, str]:
        """Return the interruption notice of each named machine that has one."""

    @abstractmethod
    async def stop(self, names: Sequence[str], region: str) -> None:
        """Stop machines but keep their disks.

        Raises:
            InvalidRequest: The cloud cannot do that.

        """

    @abstractmethod
    async def start(self, names: Sequence[str], region: str) -> None:
        """Start stopped machines again.

        Raises:
            InvalidRequest: The cloud cannot do that.

        """

    async def withdraw(self, incarnation: str) -> None:
        """Let machines of a service no longer at the buckets that it mounts; it has none by then.

        Raises:
            CloudError: It could not be done.

        """
        return

    async def remove_shared(self) -> None:
        """Remove what services of this installation share, once nothing of it runs.

        Raises:
            CloudError: It could not be done.

        """
        return

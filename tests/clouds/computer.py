"""Another computer for tests: this process with a network and mounts of its own, and a world.

Needs root on Linux. Whatever tests do to its kernel's rules does not concern the real computer.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import SOCK_DGRAM, create_server, socket
from typing import cast

from pyroute2.iproute import IPRoute

from skyflow.clouds.local import namespaces

_OWN_DIRECTORY, _NEW_MOUNTS, _NEW_NETWORK = 0x00000200, 0x00020000, 0x40000000
_RECURSIVE_PRIVATE, _BIND = 0x4000 | 0x40000, 0x1000
UPLINK = "uplink0"
OWN_ADDRESS = "203.0.113.1"
OUTSIDE_ADDRESS = "203.0.113.9"
"""Addresses for documentation (RFC 5737), here those of the computer and of a host outside."""


@dataclass
class Outside(asyncio.DatagramProtocol):
    """The world outside: one host, which has each of the addresses it is given."""

    network: int
    clients: list[str] = field(default_factory=list)
    """Addresses that connections came from."""
    questions: int = 0
    _transport: asyncio.DatagramTransport | None = None

    async def serve(self, address: str, port: int = 80) -> asyncio.Server:
        """Say hello to whoever connects to an address."""
        await asyncio.to_thread(self._have, address)
        with entered(self.network):
            bound = create_server((address, port))
        return await asyncio.start_server(self._greet, sock=bound)

    async def serve_names(self, address: str) -> asyncio.DatagramTransport:
        """Be a name server that knows no names."""
        await asyncio.to_thread(self._have, address)
        with entered(self.network):
            bound = socket(type=SOCK_DGRAM)
            bound.bind((address, 53))
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=bound)
        return transport

    def reaches(self, address: str, port: int) -> bool:
        """Say whether an address of the computer's side answers within a second."""
        with entered(self.network), socket() as client:
            client.settimeout(1)
            try:
                client.connect((address, port))
            except TimeoutError:
                return False
            return True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, client: tuple[str | object, int]) -> None:
        self.questions += 1
        assert self._transport
        # The question again, marked as an answer that there is no such name (RFC 1035, 4.1.1).
        self._transport.sendto(data[:2] + b"\x81\x83" + data[4:], client)

    def _have(self, address: str) -> None:
        with entered(self.network), IPRoute() as kernel:
            if not kernel.get_addr(address=address):
                index = kernel.link_lookup(ifname="eth0")[0]
                kernel.addr("add", index=index, address=address, prefixlen=32)

    async def _greet(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients.append(writer.get_extra_info("peername")[0])
        writer.write(b"hello\n")
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def another_computer(folder: Path) -> AsyncIterator[Outside]:
    """Be on another computer meanwhile, whose `resolv.conf` names the host outside."""
    here = [os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY) for kind in ("net", "mnt")]
    directory = Path.cwd()
    loop = asyncio.get_running_loop()
    outside = _new_network()
    threads = ThreadPoolExecutor()
    try:
        _call("unshare", _NEW_NETWORK | _NEW_MOUNTS)
        _call("mount", None, b"/", None, ctypes.c_ulong(_RECURSIVE_PRIVATE), None)
        _call("mount", b"run", b"/run", b"tmpfs", ctypes.c_ulong(0), None)
        # Threads stay where they were started, so these are new.
        loop.set_default_executor(threads)
        await asyncio.to_thread(_connect, outside)
        names(folder, f"nameserver {OUTSIDE_ADDRESS}\n")
        yield Outside(outside)
    finally:
        threads.shutdown()
        # Mounts can be changed only by a thread that shares its working directory with none.
        _call("unshare", _OWN_DIRECTORY)
        for descriptor in here:
            _call("setns", descriptor, 0)
        for descriptor in (*here, outside):
            os.close(descriptor)
        os.chdir(directory)
        loop.set_default_executor(ThreadPoolExecutor())


@asynccontextmanager
async def host_behind(own: str, theirs: str) -> AsyncIterator[None]:
    """Have another network behind the computer, which forwards for its host that serves at 80."""
    network = _new_network()
    await asyncio.to_thread(_attach, "behind0", own, network, theirs)
    Path("/proc/sys/net/ipv4/conf/behind0/forwarding").write_text("1")
    try:
        async with await Outside(network).serve(theirs):
            yield
    finally:
        os.close(network)


def names(folder: Path, text: str) -> None:
    """Change the computer's `resolv.conf`."""
    file = folder / "resolv.conf"
    is_new = not file.exists()
    file.write_text(text)
    if is_new:
        _call("mount", bytes(file), b"/etc/resolv.conf", None, ctypes.c_ulong(_BIND), None)


@contextmanager
def entered(network: int) -> Iterator[None]:
    """Make sockets in another network."""
    here = namespaces.open_network("thread-self")
    namespaces.enter_network(network)
    try:
        yield
    finally:
        namespaces.enter_network(here)
        os.close(here)


def _new_network() -> int:
    here = namespaces.open_network("thread-self")
    _call("unshare", _NEW_NETWORK)
    made = namespaces.open_network("thread-self")
    namespaces.enter_network(here)
    os.close(here)
    return made


def _connect(outside: int) -> None:
    with IPRoute() as kernel:
        kernel.link("set", index=1, state="up")
    _attach(UPLINK, OWN_ADDRESS, outside, OUTSIDE_ADDRESS)
    with IPRoute() as kernel:
        kernel.route("add", dst="default", gateway=OUTSIDE_ADDRESS)


def _attach(interface: str, own: str, network: int, theirs: str) -> None:
    """Connect another network, in which everything is reached through the computer."""
    with IPRoute() as kernel:
        peer = {"ifname": "eth0", "net_ns_fd": network}
        kernel.link("add", ifname=interface, kind="veth", peer=peer)
        index = kernel.link_lookup(ifname=interface)[0]
        kernel.addr("add", index=index, address=own, prefixlen=24)
        kernel.link("set", index=index, state="up")
    with entered(network), IPRoute() as kernel:
        kernel.link("set", index=1, state="up")
        index = kernel.link_lookup(ifname="eth0")[0]
        kernel.addr("add", index=index, address=theirs, prefixlen=24)
        kernel.link("set", index=index, state="up")
        kernel.route("add", dst="default", gateway=own)


def _call(function: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")

"""How machines with networks of their own reach the world outside, if the computer does."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Any

from skyflow.config import LocalOutbound

RESOLVER_FILE = Path("/etc/resolv.conf")
_UPSTREAM_FILES = (
    Path("/run/systemd/resolve/resolv.conf"),
    Path("/run/NetworkManager/no-stub-resolv.conf"),
)
"""Where resolvers on the loopback interface write down whom they ask: systemd, NetworkManager."""
_PUBLIC = "1.1.1.1"
"""Any public address: nothing is sent to it, the kernel only says what would carry it there."""

NOT_PUBLIC = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "240.0.0.0/4",
    "168.63.129.16/32",
)
"""Private networks, and where clouds keep metadata and credentials of the computer: the IANA
IPv4 Special-Purpose Address Registry, and the host of Azure's virtual machines."""


@dataclass(frozen=True)
class WayOut:
    """The way from machines to the world outside, as it is when a machine starts."""

    interface: str
    """The computer's interface that leads there."""
    resolvers: tuple[str, ...]
    """Addresses of the name servers that machines ask."""
    resolver_file: str | None
    """File to have in place of the computer's `resolv.conf`, whose servers machines cannot ask."""
    refused: tuple[str, ...]
    """Networks that machines do not reach."""

    def to_json(self) -> str:
        """Return the way as JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> WayOut:
        """Read a way."""
        return WayOut.from_fields(json.loads(text))

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> WayOut:
        """Read a way out of what JSON made of it."""
        lists = {key: tuple(fields[key]) for key in ("resolvers", "refused")}
        return WayOut(**{**fields, **lists})


def find_way_out(
    outbound: LocalOutbound, files: tuple[Path, ...] = (RESOLVER_FILE, *_UPSTREAM_FILES)
) -> WayOut | None:
    """Return the way out that the computer has now; None if it has none, or none is wanted.

    Args:
        outbound: What machines may reach.
        files: The computer's `resolv.conf`, and others to read if its servers are the computer's
            own, in order of preference.

    """
    if outbound == "none":
        return None
    interface = _interface_to(_PUBLIC)
    if interface is None:
        return None
    for file in files:
        if servers := tuple(_servers(file)):
            own = file == files[0]
            refused = () if outbound == "all" else NOT_PUBLIC
            return WayOut(interface, servers, None if own else str(file), refused)
    return None


def _interface_to(address: str) -> str | None:
    # Slow to import, and a machine's own process has no use for it.
    import psutil

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((address, 53))
        except OSError:
            return None
        own = asking.getsockname()[0]
    for interface, addresses in psutil.net_if_addrs().items():
        if own in (each.address for each in addresses):
            return interface
    return None


def _servers(file: Path) -> Iterator[str]:
    """Yield the IPv4 servers of a `resolv.conf` that can be asked from another network."""
    with suppress(OSError):
        for line in file.read_text(errors="replace").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                with suppress(AddressValueError):
                    address = IPv4Address(words[1])
                    if not address.is_loopback and not address.is_unspecified:
                        yield str(address)

"""Where skyflow keeps its files, and the settings read from the environment."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from skyflow.errors import UsageError

LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103
"""Longest path of a unix socket in bytes: `sun_path` in sys/un.h, without its final NUL."""

MAX_PROCESSES = 256
"""Most processes of a balancer on one computer."""

_BUCKET_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._=-]+)*/?")
"""A bucket as S3 allows names of them, and a prefix that needs no quoting anywhere."""

LocalNetwork = Literal["auto", "own", "shared"]
LocalOutbound = Literal["none", "public", "all"]


@dataclass(frozen=True)
class Settings:
    """Settings of one installation on this computer."""

    home: Path
    """Directory that holds everything of this installation (`SKYFLOW_HOME`)."""
    local_network: LocalNetwork = "auto"
    """Network of `local` machines (`SKYFLOW_LOCAL_NETWORK`): `own` gives each an address of its
    own (root on Linux), `shared` a free port on 127.0.0.1; `auto` takes `own` where it can."""
    local_outbound: LocalOutbound = "public"
    """What `local` machines with networks of their own reach beyond this computer
    (`SKYFLOW_LOCAL_OUTBOUND`): nothing, public addresses, or whatever this computer reaches."""

    balancer_processes: int | None = None
    """Number of the balancer's processes that take requests (`SKYFLOW_BALANCER_PROCESSES`), whose
    sockets one more process holds; None for a single process that holds its own."""
    bucket_url: str | None = None
    """Bucket that is the store, as `s3://BUCKET/PREFIX` (`SKYFLOW_STORE`); None for a directory."""

    @staticmethod
    def from_environment() -> Settings:
        """Read the settings from environment variables.

        Raises:
            UsageError: A variable has a value that is not allowed.

        """
        home = Path(os.environ.get("SKYFLOW_HOME") or "~/.skyflow").expanduser().absolute()
        network = _choice("SKYFLOW_LOCAL_NETWORK", "auto", get_args(LocalNetwork))
        outbound = _choice("SKYFLOW_LOCAL_OUTBOUND", "public", get_args(LocalOutbound))
        return Settings(
            home=home,
            local_network=cast("LocalNetwork", network),
            local_outbound=cast("LocalOutbound", outbound),
            balancer_processes=_count("SKYFLOW_BALANCER_PROCESSES"),
            bucket_url=_bucket_url("SKYFLOW_STORE"),
        )

    @property
    def keys(self) -> Path:
        """Directory of the installation's keys, readable by its owner only."""
        return self.home / "keys"

    @property
    def store(self) -> Path:
        """Directory of the store, unless it is a bucket: specs, snapshots and logs of replicas."""
        return self.home / "store"

    @property
    def stack(self) -> Path:
        """Directory of the embedded stack: its state, database and process logs."""
        return self.home / "stack"

    @property
    def balancer(self) -> Path:
        """Directory of the balancer: last endpoint sets, control socket and access logs."""
        return self.home / "balancer"

    @property
    def machines(self) -> Path:
        """Directory of the machines of the `local` cloud."""
        return self.home / "machines"

    @property
    def refreshed_prices(self) -> Path:
        """Directory of the prices that `catalog refresh` has fetched, a file for each cloud."""
        return self.home / "catalog" / "refreshed"

    @property
    def own_prices(self) -> Path:
        """File with the user's own prices, which win over all others."""
        return self.home / "catalog" / "prices.csv"


def _choice(variable: str, default: str, allowed: tuple[str, ...]) -> str:
    found = os.environ.get(variable) or default
    if found not in allowed:
        raise UsageError(f"{variable} is {found!r}; allowed: {', '.join(allowed)}")
    return found


def _count(variable: str) -> int | None:
    found = os.environ.get(variable)
    if not found:
        return None
    if not found.isascii() or not found.isdigit() or not 1 <= int(found) <= MAX_PROCESSES:
        raise UsageError(f"{variable} is {found!r}; allowed: 1 to {MAX_PROCESSES}")
    return int(found)


def _bucket_url(variable: str) -> str | None:
    found = os.environ.get(variable)
    if not found:
        return None
    if not _BUCKET_URL.fullmatch(found):
        raise UsageError(
            f"{variable} is {found!r}; allowed: s3://BUCKET or s3://BUCKET/PREFIX, in the letters "
            "that S3 allows for buckets and A-Z a-z 0-9 . _ = - for the prefix"
        )
    return found.rstrip("/")

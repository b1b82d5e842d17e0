"""Ours, as everybody runs it: with access log, counters, health of replicas."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import sys
import time
from pathlib import Path

from benchmarks.lb.cache import Unavailable, cache_directory, done, made_once
from benchmarks.lb.proxies.base import Place, Proxy

_ROOT = Path(__file__).parents[3]
_APPLY_SECONDS = 30.0


class Skyflow(Proxy):
    """The data plane of this working copy, or of a commit."""

    name = "skyflow"

    def __init__(self, commit: str = "") -> None:
        self._commit = commit
        self._root = _ROOT
        if commit:
            self.name = f"skyflow@{commit}"

    def install(self) -> str:
        """Return the commit that is measured; its files are put into the cache.

        Raises:
            Unavailable: There is no such commit.
        """
        git = ["git", "-C", str(_ROOT)]
        if not self._commit:
            return f"skyflow {done([*git, 'describe', '--always', '--dirty']).strip()}"
        commit = done([*git, "rev-parse", "--verify", f"{self._commit}^{{commit}}"]).strip()
        unpacked = 'git -C "$1" archive "$2" | tar -x -C {}'
        folder = cache_directory() / "commits" / commit
        self._root = made_once(folder, [["sh", "-c", unpacked, "sh", str(_ROOT), commit]])
        return f"skyflow {commit[:7]}"

    def command(self, place: Place) -> list[str]:
        """Return the command."""
        del place
        # -P: what is in the current directory is not what is measured.
        return [sys.executable, "-P", "-m", "lb", "data"]

    def environment(self, place: Place) -> dict[str, str]:
        """Return a home of its own, and where its modules are."""
        return {"SKYFLOW_HOME": str(place.home), "PYTHONPATH": str(self._root)}

    def started(self, place: Place) -> None:
        """Tell it of the replicas over its control socket, as its control process does."""
        deadline = time.monotonic() + _APPLY_SECONDS
        while problem := _problem_of_telling(place):
            if time.monotonic() > deadline:
                raise Unavailable(problem)
            time.sleep(0.05)


class SkyflowCompiled(Skyflow):
    """The data plane of this working copy as its wheel has it: compiled to C."""

    name = "skyflow-compiled"

    def install(self) -> str:
        """Build the wheel, unless the one of these sources is there, and unpack it.

        Raises:
            Unavailable: It cannot be built here, such as for want of a compiler.
        """
        version = super().install()
        build = [str(_ROOT / "scripts" / "wheel"), "{}"]
        unpack = '"$1" -m zipfile -e {}/skyflow-*.whl {}/site'
        folder = cache_directory() / "wheels" / _digest_of_sources()
        made_once(folder, [build, ["sh", "-c", unpack, "sh", sys.executable]])
        self._root = folder / "site"
        return f"{version}, compiled"


def _digest_of_sources() -> str:
    digest = hashlib.sha256(sys.version.encode())
    sources = (path for folder in ("lb", "skyflow") for path in (_ROOT / folder).rglob("*.py"))
    for path in (_ROOT / "pyproject.toml", *sorted(sources)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class _ControlSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("data-plane", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))


def _problem_of_telling(place: Place) -> str:
    """Send the replicas; return why they were not taken, or nothing."""
    connection = _ControlSocket(place.home / "balancer" / "control.sock")
    try:
        connection.request("PUT", "/endpoints", json.dumps(_endpoint_set(place)))
        answer = connection.getresponse()
        return "" if answer.status == 200 else f"{answer.status}: {answer.read().decode()}"
    except OSError as error:
        return f"it does not answer on its control socket: {error}"
    finally:
        connection.close()


def _endpoint_set(place: Place) -> dict[str, object]:
    """Return the keys that every version knows; all others have their defaults."""
    return {
        "service": "bench",
        "incarnation": "bench",
        "started_at": time.time(),
        "generation": 1,
        "port": place.port,
        "endpoints": [{"replica_id": n, "url": url} for n, url in enumerate(place.urls, 1)],
    }

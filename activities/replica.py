"""What runs on a replica's machines: files, setup, run, and watching it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from temporalio import activity

from activities.context import Context
from activities.running import heartbeating, mapped_errors
from skyflow.clouds.base import Machine
from skyflow.contracts import (
    PREPARE_REPLICA,
    START_REPLICA,
    WATCH_REPLICA,
    ReplicaTask,
    WatchRequest,
    WatchResult,
)
from skyflow.errors import ConnectionFailed, HostKeyMismatch, MachineGone
from skyflow.remote.environment import ReplicaContext, replica_environment
from skyflow.remote.files import send_artifact, send_source
from skyflow.remote.log_keeping import keep_log
from skyflow.remote.mounts import mount_bucket
from skyflow.remote.replica_home import ReplicaHome
from skyflow.remote.scripts import setup_script
from skyflow.remote.ssh import connect, wait_for_ssh
from skyflow.server_clock import ServerClock
from skyflow.storage.log_segments import log_prefix
from skyflow.storage.log_writer import LogWriter
from skyflow.storage.specs import StoredSpec

SSH_SECONDS = 600.0
"""Longest wait for a machine that was started to let us in."""
LOOK_SECONDS = 3.0
"""How long a machine may refuse us before its cloud is asked whether it still exists."""


class ReplicaActivities:
    """Activities that work on a replica's machines."""

    def __init__(self, context: Context) -> None:
        """Work with the keys and the store of a worker's context."""
        self._context = context

    @activity.defn(name=PREPARE_REPLICA.name)
    async def prepare_replica(self, task: ReplicaTask) -> bool:
        """Put files and environment in place and run `setup`, on all nodes at once."""
        with mapped_errors():
            async with heartbeating():
                spec = await self._context.spec(task.spec)
                await _on_all_nodes(task, lambda node: self._prepare(task, spec, node))
        return True

    @activity.defn(name=START_REPLICA.name)
    async def start_replica(self, task: ReplicaTask) -> bool:
        """Start `run` on all nodes; doing so twice starts it once."""
        with mapped_errors():
            async with heartbeating():
                await _on_all_nodes(task, lambda node: self._start(task, node))
        return True

    @activity.defn(name=WATCH_REPLICA.name)
    async def watch_replica(self, request: WatchRequest) -> WatchResult:
        """Return when the replica's phase should change, or at the time of renewal."""
        with mapped_errors():
            async with heartbeating():
                task = await self._context.task(request.replica.spec)
                clock = ServerClock.started(activity.info().started_time)
                return await self._context.watcher.watch(request, task, clock.now)

    async def _prepare(self, task: ReplicaTask, spec: StoredSpec, node: int) -> None:
        machine = task.nodes[node]
        await self._reach(machine)
        async with connect(machine, self._context.keyring) as connection:
            for artifact in spec.artifacts:
                await send_artifact(connection, self._context.store, artifact)
            for source in spec.sources:
                await send_source(connection, await self._context.source(source), source.target)
            for mount in spec.mounts:
                await mount_bucket(connection, mount)
            home = ReplicaHome(connection)
            environment = replica_environment(_told(task, node), spec.task.environment())
            await home.prepare(environment, spec.task.setup, spec.task.run)
            if setup_script(spec.task.setup, spec.task.run) is not None:
                await self._setup(home, task, spec, node)

    async def _reach(self, machine: Machine) -> None:
        """Wait until a machine lets us in.

        Raises:
            MachineGone: It no longer exists; found out within seconds, not at the end of the wait.
            ConnectionFailed: It did not let us in.
        """
        deadline = time.monotonic() + SSH_SECONDS
        while True:
            try:
                return await wait_for_ssh(machine, self._context.keyring, LOOK_SECONDS)
            except HostKeyMismatch:
                raise
            except ConnectionFailed:
                if await self._context.watcher.is_gone(machine):
                    raise MachineGone(f"machine {machine.name} is gone") from None
                if time.monotonic() >= deadline:
                    raise

    async def _setup(
        self, home: ReplicaHome, task: ReplicaTask, spec: StoredSpec, node: int
    ) -> None:
        """Run `setup`, and store its output while it comes."""
        prefix = log_prefix(task.service, task.incarnation, task.replica_id, node, "setup")
        secrets = spec.task.secret_values()
        ended = asyncio.Event()

        async def run_setup() -> None:
            try:
                await home.run_setup(_token(task))
            finally:
                ended.set()

        def open_writer() -> LogWriter:
            return LogWriter(self._context.store, prefix, secrets)

        await _together(run_setup(), keep_log(home.connection, "setup", open_writer, ended))

    async def _start(self, task: ReplicaTask, node: int) -> None:
        await self._reach(task.nodes[node])
        async with connect(task.nodes[node], self._context.keyring) as connection:
            await ReplicaHome(connection).start(_token(task))


async def _on_all_nodes(
    task: ReplicaTask, work: Callable[[int], Coroutine[Any, Any, None]]
) -> None:
    await _together(*(work(node) for node in range(len(task.nodes))))


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Wait until all of it has ended, then raise the first of what went wrong, if anything."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _token(task: ReplicaTask) -> str:
    """Return what makes starting a job on a machine idempotent."""
    return f"{task.incarnation}/{task.replica_id}/{task.version}/{task.attempt}"


def _told(task: ReplicaTask, node: int) -> ReplicaContext:
    return ReplicaContext(
        service=task.service,
        incarnation=task.incarnation,
        version=task.version,
        replica_id=task.replica_id,
        nodes=task.nodes,
        node=node,
        gpus_per_node=task.gpus_per_node,
    )

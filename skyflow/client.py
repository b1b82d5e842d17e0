"""The SDK: starts services and talks to them, by contract."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from temporalio.client import Client, WorkflowHandle

from skyflow.config import Settings
from skyflow.contracts import ApplyOutcome, Message, ScaleRequest, StopRequest
from skyflow.errors import ServiceNotFound
from skyflow.naming import service_workflow_id
from skyflow.sdk import lookup
from skyflow.sdk.addresses import endpoint_url, service_page
from skyflow.sdk.faults import temporal_faults
from skyflow.sdk.files import access_logs
from skyflow.sdk.load import LoadView, load_of
from skyflow.sdk.logs import ServiceLogs
from skyflow.sdk.termination import farewell, request_termination, until_gone
from skyflow.sdk.views import Farewell, ReplicaFarewell, ServiceView
from skyflow.state import Decision, ReplicaRecord, ServiceStatus
from skyflow.temporal import connect
from skyflow.updates import send_update

if TYPE_CHECKING:
    from skyflow.spec import Task
    from skyflow.storage.specs import PreparedSpec

CONNECT_SECONDS = 5.0
"""Longest time to reach Temporal, in seconds."""

POLL_SECONDS = 0.3
"""Time between two looks at a service that is being watched, in seconds."""

_Handle = WorkflowHandle[Any, Any]


class Skyflow:
    """The services of one installation.

    Example:
        async with Skyflow.open() as skyflow:
            for view in await skyflow.status():
                print(view.status.service, view.endpoint)

    """

    def __init__(self, settings: Settings, temporal: Client) -> None:
        self._settings = settings
        self._temporal = temporal

    @staticmethod
    @asynccontextmanager
    async def open(settings: Settings | None = None) -> AsyncIterator[Skyflow]:
        """Connect to the installation's Temporal; it must be running.

        Raises:
            ControllerUnavailable: Temporal does not answer.

        """
        settings = settings or Settings.from_environment()
        yield Skyflow(settings, await connect(settings, CONNECT_SECONDS, quiet=True))

    async def up(self, task: Task, name: str) -> ApplyOutcome:
        """Deploy a service, or find that this very spec runs under the name already.

        Its workdir and local files are copied to the store first, so that a replica started a
        month from now runs the same bytes.

        Raises:
            UsageError: The name cannot be that of a service, or a file is missing.
            ServiceConflict: The name runs another spec, or is being taken down.
            StorageError: The spec or its files could not be stored.
            ControllerUnavailable: Temporal or the worker does not answer.

        """
        from skyflow.storage.keyring import Keyring
        from skyflow.storage.specs import prepare

        async with prepare(task, Keyring.load(self._settings)) as prepared:
            return await self.deploy(prepared, name)

    async def deploy(self, prepared: PreparedSpec, name: str) -> ApplyOutcome:
        """Do as `up` with a spec whose files have been copied already."""
        # What it takes to deploy is slow to import, and `status` should not wait for it.
        from skyflow.sdk.deploy import deploy

        return await deploy(self._settings, self._temporal, prepared, name)

    async def status(self, names: Sequence[str] | None = None) -> list[ServiceView]:
        """Return the services of these names, or all, that run.

        Answers with the worker dead too; such a view is `stale`.

        Raises:
            ServiceNotFound: A service that was named does not run.
            ControllerUnavailable: Temporal does not answer.

        """
        wanted = await lookup.running_services(self._temporal) if names is None else names
        views = await asyncio.gather(*(self.find(name) for name in dict.fromkeys(wanted)))
        if names is not None:
            lookup.require_all(names, [view.status.service for view in views if view])
        return [view for view in views if view is not None]

    async def find(self, name: str) -> ServiceView | None:
        """Return a service, or None if it does not run.

        Raises:
            ControllerUnavailable: Temporal does not answer.

        """
        sighting = await lookup.sight(self._temporal, name)
        if sighting is None:
            return None
        return self._view(sighting.status, stale=sighting.stale)

    async def watch(self, name: str) -> AsyncIterator[ServiceView]:
        """Yield a service each time something about it changes, until it no longer runs."""
        seen: ServiceStatus | None = None
        while (view := await self.find(name)) is not None:
            status = view.status.model_copy(update={"updated_at": 0.0})
            if status != seen:
                yield view
            seen = status
            await asyncio.sleep(POLL_SECONDS)

    async def scale(self, name: str, replicas: int | None) -> None:
        """Run this many replicas of a service, whatever its load, until told otherwise.

        Args:
            name: The service.
            replicas: Their number; None for as many as the spec says, or the load asks for.

        Raises:
            ServiceNotFound: No such service runs.
            UsageError: The number is not within the service's bounds.
            ServiceConflict: It is being taken down.
            ControllerUnavailable: Temporal or the worker does not answer.

        """
        lookup.check_compatible((await self._require(name)).status)
        request = ScaleRequest(
            replicas=replicas, auto=replicas is None, reason="asked for by the command line"
        )
        scale = partial(
            self._handle(name).execute_update, Message.SCALE, request, id=str(uuid.uuid4())
        )
        with temporal_faults(f"scaling service {name!r}"):
            async with asyncio.timeout(lookup.ANSWER_SECONDS):
                await send_update(scale)

    async def load(self, name: str) -> LoadView | None:
        """Return what is asked of a service whose replicas follow the load, and what follows.

        None if its number of replicas is fixed or held, or nothing was looked at yet.

        Raises:
            ControllerUnavailable: Temporal does not answer.

        """
        return await load_of(self._temporal, name)

    async def down(
        self,
        name: str,
        *,
        reason: str = "asked for by the command line",
        progress: Callable[[ServiceView], None] | None = None,
    ) -> Farewell:
        """Take a service down and wait until nothing is left of it but its logs.

        The request lasts: it is carried out even if this call is cancelled.

        Args:
            name: The service.
            reason: Why; kept with the service's decisions.
            progress: Called each time something changes.

        Raises:
            ServiceNotFound: No such service runs.
            ControllerUnavailable: Temporal does not answer.

        """
        await self._require(name)
        handle = self._handle(name)
        with temporal_faults(f"service {name!r}"):
            await handle.signal(Message.STOP, StopRequest(reason=reason))
        async for view in self.watch(name):
            if progress:
                progress(view)
        with temporal_faults(f"service {name!r}"):
            description = await handle.describe()
        ended = description.status.name if description.status else "UNKNOWN"
        return Farewell(name=name, complete=ended == "COMPLETED", detail=ended.lower())

    async def terminate_replica(
        self,
        name: str,
        replica_id: int,
        *,
        reason: str = "asked for by the command line",
        wait: bool = True,
        progress: Callable[[ServiceView], None] | None = None,
    ) -> ReplicaFarewell:
        """End one replica: it finishes the requests it has, and the service replaces it.

        The request lasts: it is carried out even if this call is cancelled.

        Args:
            name: The service.
            replica_id: The replica.
            reason: Why; kept with the service's decisions.
            wait: Wait until nothing is left of the replica but its logs.
            progress: Called each time something changes.

        Raises:
            ServiceNotFound: No such service runs.
            UsageError: It has no such replica, or that has ended.
            ServiceConflict: It is being taken down.
            ControllerUnavailable: Temporal or the worker does not answer.

        """
        before = await self._require(name)
        lookup.check_compatible(before.status)
        await request_termination(self._temporal, before, replica_id, reason)
        if not wait:
            return farewell(before, await self.find(name), replica_id)
        return await until_gone(self.watch(name), before, replica_id, progress)

    async def decisions(self, name: str) -> tuple[Decision, ...]:
        """Return the last decisions of a service, oldest first; also of one that has ended.

        Raises:
            ServiceNotFound: It never ran, or too long ago.
            ControllerUnavailable: No worker answers.

        """
        return await lookup.decisions_of(self._temporal, name)

    async def replica_status(self, name: str, replica_id: int) -> ReplicaRecord:
        """Return one replica of a service that runs.

        Raises:
            ServiceNotFound: No such service runs, or it has no such replica.
            ControllerUnavailable: Temporal does not answer.

        """
        view = await self._require(name)
        for record in view.status.replicas:
            if record.replica_id == replica_id:
                return record
        known = ", ".join(str(record.replica_id) for record in view.status.replicas) or "none"
        raise ServiceNotFound(f"service {name!r} has no replica {replica_id}; it has: {known}")

    async def last_incarnation(self, name: str) -> str | None:
        """Return the incarnation of the latest run of a service; None if Temporal knows none.

        Raises:
            ControllerUnavailable: Temporal does not answer.

        """
        remembered = await lookup.last_words(self._temporal, name)
        return remembered[1].status.incarnation if remembered else None

    async def has_running_replicas(self, name: str, incarnation: str) -> bool:
        """Return whether a replica of an incarnation of a service runs; also if that does not.

        Raises:
            ControllerUnavailable: Temporal does not answer.

        """
        return await lookup.has_running_replicas(self._temporal, name, incarnation)

    @property
    def logs(self) -> ServiceLogs:
        """The logs of the replicas, also of services that were taken down."""
        return ServiceLogs(self._settings)

    def page(self, name: str) -> str | None:
        """Return the page of a service in Temporal's web UI; None where its address is unknown."""
        return service_page(self._settings, self._temporal.namespace, name)

    async def purge(self, name: str) -> None:
        """Remove all logs of a service that does not run any more: its replicas' and requests'.

        Raises:
            StorageError: Something could not be removed.

        """
        await self.logs.purge(name)
        for path in access_logs(self._settings, name):
            path.unlink(missing_ok=True)

    async def _require(self, name: str) -> ServiceView:
        return (await self.status([name]))[0]

    def _handle(self, name: str) -> _Handle:
        return self._temporal.get_workflow_handle(service_workflow_id(name))

    def _view(self, status: ServiceStatus, *, stale: bool) -> ServiceView:
        endpoint = endpoint_url(self._settings, status.port)
        return ServiceView(status=status, endpoint=endpoint, stale=stale)

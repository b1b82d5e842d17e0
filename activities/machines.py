"""Offers, and machines from their launch to their end."""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.context import Context
from activities.running import application_error, heartbeating, mapped_errors
from skyflow.clouds.base import Cloud, Machine, MachineRequest, MachineState
from skyflow.clouds.registry import find_offers, get_cloud
from skyflow.contracts import (
    FIND_OFFERS,
    LAUNCH_MACHINE,
    LEFT_NOTHING,
    TEARDOWN_REPLICA,
    OfferQuery,
    Offers,
    TeardownRequest,
)
from skyflow.errors import (
    CloudError,
    CredentialsError,
    InvalidRequest,
    NoCapacity,
    QuotaExceeded,
    RemoteError,
    SkyflowError,
    StorageError,
)
from skyflow.placement.ranking import shortlist
from skyflow.remote.logship import ship_logs
from skyflow.remote.replica_home import ReplicaHome
from skyflow.remote.ssh import connect
from skyflow.storage.log_segments import log_prefix
from skyflow.storage.log_writer import LogWriter

_REFUSALS = (NoCapacity, QuotaExceeded, CredentialsError, InvalidRequest)
FAREWELL_SECONDS = 10.0
"""Longest time, beyond the grace, to end processes and save logs of a machine before its end."""


class MachineActivities:
    """Activities that ask clouds."""

    def __init__(self, context: Context) -> None:
        """Ask with the settings and keys of a worker's context."""
        self._context = context

    @activity.defn(name=FIND_OFFERS.name)
    async def find_offers(self, query: OfferQuery) -> Offers:
        """Return the best of what every enabled cloud offers."""
        with mapped_errors():
            async with heartbeating():
                found = await find_offers(self._context.settings, query)
        told = shortlist(found.offers)
        more = len(found.offers) - len(told)
        return found.model_copy(update={"offers": told, "more": more})

    @activity.defn(name=LAUNCH_MACHINE.name)
    async def launch_machine(self, request: MachineRequest) -> Machine:
        """Start a machine, or return the one that has this name."""
        with mapped_errors():
            async with heartbeating():
                cloud = get_cloud(request.place.cloud, self._context.settings)
                keys = self._context.keyring.machine_keys(request.name)
                try:
                    return await cloud.launch(request, keys)
                except _REFUSALS as refusal:
                    nothing = await _made_nothing(cloud, request, refusal)
                    raise application_error(refusal, *[LEFT_NOTHING] * nothing) from None

    @activity.defn(name=TEARDOWN_REPLICA.name)
    async def teardown_replica(self, request: TeardownRequest) -> bool:
        """End a replica's processes, save the rest of its logs, and end its machines."""
        with mapped_errors():
            async with heartbeating():
                await asyncio.gather(
                    *(self._farewell(request, node) for node in range(len(request.nodes)))
                )
                cloud = get_cloud(request.place.cloud, self._context.settings)
                await cloud.terminate(request.names, request.place.region)
        return True

    async def _farewell(self, request: TeardownRequest, node: int) -> None:
        """Let a node end in good order; one that does not answer is ended all the same."""
        try:
            async with asyncio.timeout(request.grace_seconds + FAREWELL_SECONDS):
                secrets = await self._secrets(request)
                async with connect(request.nodes[node], self._context.keyring) as connection:
                    await ReplicaHome(connection).stop(request.grace_seconds)
                    for stream in ("setup", "run") if secrets is not None else ():
                        prefix = log_prefix(
                            request.service, request.incarnation, request.replica_id, node, stream
                        )
                        writer = LogWriter(self._context.store, prefix, secrets or ())
                        ended = asyncio.Event()
                        ended.set()
                        await ship_logs(connection, stream, writer, ended)
        except (RemoteError, StorageError, TimeoutError) as error:
            activity.logger.info("%s: no farewell: %s", request.nodes[node].name, error)

    async def _secrets(self, request: TeardownRequest) -> tuple[str, ...] | None:
        """Return the values to mask in logs; None if they are not known, so that none is shown."""
        if request.spec is None:
            return None
        try:
            return (await self._context.task(request.spec)).secret_values()
        except StorageError as error:
            activity.logger.warning("the rest of the logs is not saved: %s", error)
            return None


async def _made_nothing(cloud: Cloud, request: MachineRequest, refusal: CloudError) -> bool:
    """Return whether a refused launch certainly left nothing that would have to be ended.

    An attempt before this one may have made a machine that the cloud does not show yet.
    """
    if activity.info().attempt > 1:
        return False
    if refusal.made_nothing:
        return True
    try:
        states = await cloud.describe([request.name], request.place.region)
    except SkyflowError:
        return False
    return states.get(request.name) is MachineState.GONE

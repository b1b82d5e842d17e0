"""Endpoint ports: asked of the installation's workflow, which is started if it does not run."""

from __future__ import annotations

from temporalio import activity

from activities.context import Context
from skyflow.contracts import (
    RELEASE_ENDPOINT,
    RESERVE_ENDPOINT,
    Message,
    Slot,
    SlotRelease,
    SlotRequest,
)
from skyflow.updates import ask_installation


class InstallationActivities:
    """Activities that ask the installation."""

    def __init__(self, context: Context) -> None:
        """Ask through the client of a worker's context."""
        self._client = context.client

    @activity.defn(name=RESERVE_ENDPOINT.name)
    async def reserve_endpoint(self, request: SlotRequest) -> Slot:
        """Return the endpoint port of a service; the same one each time it is asked."""
        return await ask_installation(self._client, Message.RESERVE, request, Slot)

    @activity.defn(name=RELEASE_ENDPOINT.name)
    async def release_endpoint(self, release: SlotRelease) -> bool:
        """Give a service's port back; return whether it held one."""
        return await ask_installation(self._client, Message.RELEASE, release, bool)

"""What a service keeps in the store, at its end."""

from __future__ import annotations

from temporalio import activity

from activities.context import Context
from activities.running import heartbeating, mapped_errors
from skyflow.clouds.registry import withdraw
from skyflow.contracts import REMOVE_SERVICE_FILES, ServiceReference
from skyflow.naming import service_directory


class FileActivities:
    """Activities that work on the store."""

    def __init__(self, context: Context) -> None:
        """Work on the store of a worker's context."""
        self._settings = context.settings
        self._store = context.store

    @activity.defn(name=REMOVE_SERVICE_FILES.name)
    async def remove_service_files(self, reference: ServiceReference) -> bool:
        """Remove a service's specs and snapshots, and its access to buckets; its logs stay."""
        with mapped_errors():
            async with heartbeating():
                # First: as long as there are files, the reaper sees that something is left.
                await withdraw(self._settings, reference.incarnation)
                await self._store.delete_prefix(service_directory(reference.incarnation))
        return True

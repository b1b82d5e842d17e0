"""What the watch of a service's load says of it now, between two decisions."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from skyflow.autoscaling.decision import Explanation
from skyflow.autoscaling.progress import LoadProgress
from skyflow.contracts import WATCH_LOAD
from skyflow.naming import service_workflow_id
from skyflow.records import Record
from skyflow.sdk.faults import temporal_faults
from skyflow.temporal import knows_no_workflow

_TIMEOUT = timedelta(seconds=5)


class LoadView(Record):
    """The last look at a service's load."""

    explanation: Explanation
    at: float
    """Time (Unix, seconds) of the look."""


async def load_of(temporal: Client, name: str) -> LoadView | None:
    """Return what the watch of a service's load last told Temporal; up to ten seconds old.

    Answers also with every worker dead. None if there is no such watch, or it is too young.

    Raises:
        ControllerUnavailable: Temporal does not answer.

    """
    handle = temporal.get_workflow_handle(service_workflow_id(name))
    with temporal_faults(f"load of service {name!r}"):
        try:
            description = await handle.describe(rpc_timeout=_TIMEOUT)
        except RPCError as error:
            if knows_no_workflow(error):
                return None
            raise
    for activity in description.raw_description.pending_activities:
        details = activity.heartbeat_details.payloads
        if activity.activity_type.name == WATCH_LOAD.name and details:
            [progress] = await temporal.data_converter.decode(details[:1], [LoadProgress])
            return _view(progress)
    return None


def _view(progress: LoadProgress) -> LoadView | None:
    if progress.explanation is None or progress.seen_at is None:
        return None
    return LoadView(explanation=progress.explanation, at=progress.seen_at)

"""The schedule by which Temporal starts the reaper."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from skyflow.contracts import WORKFLOW_QUEUE, ReaperRequest, WorkflowName
from skyflow.errors import ControllerUnavailable
from skyflow.naming import REAPER_ID

INTERVAL = timedelta(minutes=5)
"""Time between two runs: what has lost its owner costs money for that much longer at most."""
LONGEST_RUN = timedelta(hours=1)
"""A run that hangs must not keep the next one from starting. It has nothing to clean up itself."""


async def ensure_reaper(client: Client) -> None:
    """Make the schedule, or bring it up to date; one that somebody has paused stays so.

    Raises:
        ControllerUnavailable: Temporal does not answer, or does not allow it.

    """
    try:
        try:
            await client.create_schedule(REAPER_ID, _schedule())
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(REAPER_ID).update(_brought_up_to_date)
    except RPCError as error:
        raise ControllerUnavailable(
            f"Temporal's schedule {REAPER_ID!r} cannot be made: {error.message}",
            f"allow this client to make schedules in the namespace {client.namespace!r}: the "
            "reaper ends machines that nobody looks after any more",
        ) from error


def _brought_up_to_date(found: ScheduleUpdateInput) -> ScheduleUpdate:
    schedule = _schedule()
    schedule.state = found.description.schedule.state
    return ScheduleUpdate(schedule=schedule)


def _schedule() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            WorkflowName.REAPER,
            ReaperRequest(),
            id=REAPER_ID,
            task_queue=WORKFLOW_QUEUE,
            execution_timeout=LONGEST_RUN,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=INTERVAL)]),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP,
            # After a time without Temporal one run sees all that the missed ones would have.
            catchup_window=timedelta(minutes=1),
        ),
    )

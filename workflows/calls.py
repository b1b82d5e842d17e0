"""Calling activities by their contracts."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from temporalio import exceptions, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.workflow import ActivityCancellationType

from skyflow.contracts import LEFT_NOTHING, Activity, Argument, Result
from skyflow.records import Record

LONGEST_MESSAGE = 4000
"""Characters kept of an error's message, which is repeated in decisions, reports and the status:
one with pages of somebody's log in it would make them larger than Temporal takes."""
SIGNAL_RETRY = timedelta(seconds=10)
"""Wait before a workflow that took a signal badly is sent it again."""


def start(
    activity: Activity[Argument, Result],
    argument: Argument,
    *,
    summary: str,
    queue: str | None = None,
    within: timedelta | None = None,
) -> workflow.ActivityHandle[Result]:
    """Start an activity with the limits of its contract.

    Args:
        activity: The contract.
        argument: Its argument.
        summary: What the Temporal web UI shows for it.
        queue: Task queue, where the contract leaves it to the caller.
        within: Longest time for all attempts together.

    """
    handle = workflow.start_activity(
        activity.name,
        argument,
        result_type=activity.result,
        task_queue=queue or activity.queue,
        start_to_close_timeout=activity.start_to_close,
        schedule_to_start_timeout=activity.schedule_to_start,
        schedule_to_close_timeout=within,
        heartbeat_timeout=activity.heartbeat,
        retry_policy=RetryPolicy(
            initial_interval=activity.first_interval,
            maximum_interval=activity.longest_interval,
            maximum_attempts=activity.attempts,
            non_retryable_error_types=list(activity.fatal),
        ),
        cancellation_type=(
            ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
            if activity.wait_for_cancellation
            else ActivityCancellationType.TRY_CANCEL
        ),
        summary=summary,
    )
    return cast("workflow.ActivityHandle[Result]", handle)


async def call(
    activity: Activity[Argument, Result],
    argument: Argument,
    *,
    summary: str,
    queue: str | None = None,
) -> Result:
    """Start an activity and wait for its result.

    Raises:
        ActivityError: It failed, and will not be tried again.

    """
    return await start(activity, argument, summary=summary, queue=queue)


def failure(error: ActivityError) -> tuple[str, str]:
    """Return the kind of an activity's failure and its message.

    The kind is the name of the error class that the activity raised, or `Timeout`. Of a message
    that is too long to be kept its beginning and its end are returned.
    """
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return cause.type or "Error", _shortened(cause.message)
    if isinstance(cause, exceptions.TimeoutError):
        return "Timeout", f"{error.activity_type} did not end in time"
    return type(cause or error).__name__, _shortened(str(cause or error))


def left_nothing(error: ActivityError) -> bool:
    """Return whether a refused launch is known to have made no machine."""
    return isinstance(error.cause, ApplicationError) and LEFT_NOTHING in error.cause.details


async def tell(workflow_id: str, message: str, argument: Record) -> bool:
    """Signal a workflow; return whether it runs.

    One that can take no more signals at the moment is told later: an error would end the caller.
    """
    handle = workflow.get_external_workflow_handle(workflow_id)
    while True:
        try:
            await handle.signal(message, argument)
        except ApplicationError as error:
            if error.type == "ExternalWorkflowExecutionNotFound":
                return False
            workflow.logger.warning("%s does not take %s yet: %s", workflow_id, message, error)
            await workflow.sleep(SIGNAL_RETRY)
        else:
            return True


def _shortened(message: str) -> str:
    if len(message) <= LONGEST_MESSAGE:
        return message
    half = LONGEST_MESSAGE // 2
    return f"{message[:half]} ... {message[-half:]}"

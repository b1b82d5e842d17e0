"""What a workflow makes of an activity's failure."""

from __future__ import annotations

from temporalio.exceptions import ActivityError, ApplicationError, RetryState

from workflows.calls import LONGEST_MESSAGE, failure


def failed(cause: BaseException) -> ActivityError:
    error = ActivityError(
        "failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="worker",
        activity_type="launch_machine",
        activity_id="1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    return error


def test_a_failure_has_the_kind_and_the_message_that_the_activity_raised() -> None:
    assert failure(failed(ApplicationError("full", type="NoCapacity"))) == ("NoCapacity", "full")


def test_of_a_very_long_message_beginning_and_end_are_kept() -> None:
    kind, message = failure(
        failed(ApplicationError("a" + "x" * 3_000_000 + "z", type="CloudError"))
    )
    assert (kind, message[0], message[-1]) == ("CloudError", "a", "z")
    assert len(message) < LONGEST_MESSAGE + 10

"""What Temporal raises, as errors of skyflow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.client import (
    RPCTimeoutOrCancelledError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from skyflow import errors
from skyflow.errors import ControllerUnavailable, ServiceNotFound, SkyflowError
from skyflow.temporal import knows_no_workflow

STACK_REMEDY = (
    "`skyflow stack status` says what runs here; `skyflow stack up` starts what is missing"
)

_ACCESS = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)


@contextmanager
def temporal_faults(doing: str) -> Iterator[None]:
    """Raise what Temporal raises inside as errors of skyflow; `doing` says what was attempted.

    Raises:
        ServiceNotFound: The workflow does not run.
        ControllerUnavailable: Temporal or the worker does not answer.
        SkyflowError: The workflow refused; of the class that it named.

    """
    try:
        yield
    except WorkflowUpdateFailedError as error:
        raise _refusal(error.cause) from error
    except WorkflowQueryFailedError as error:
        raise SkyflowError(f"{doing}: {error.message}") from error
    except (RPCTimeoutOrCancelledError, TimeoutError) as error:
        if _cancelled():
            raise asyncio.CancelledError from error
        raise ControllerUnavailable(f"{doing}: no answer in time", STACK_REMEDY) from error
    except RPCError as error:
        raise _rpc_fault(doing, error) from error


def _refusal(cause: BaseException) -> SkyflowError:
    if not isinstance(cause, ApplicationError):
        return SkyflowError(str(cause))
    named = getattr(errors, cause.type or "", None)
    if named in _RAISABLE:
        refused: SkyflowError = named(cause.message)
        return refused
    return SkyflowError(cause.message)


_RAISABLE: tuple[type[SkyflowError], ...] = (
    errors.UsageError,
    errors.ServiceConflict,
    errors.ServiceNotFound,
    errors.ControllerUnavailable,
)


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _rpc_fault(doing: str, error: RPCError) -> SkyflowError:
    if knows_no_workflow(error):
        return ServiceNotFound(f"{doing}: not running", "`skyflow serve status` lists the services")
    if error.status in _ACCESS:
        return ControllerUnavailable(
            f"{doing}: Temporal refused access: {error.message}",
            "check the credentials in Temporal's environment configuration (TEMPORAL_*)",
        )
    return ControllerUnavailable(f"{doing}: Temporal: {error.message}", STACK_REMEDY)

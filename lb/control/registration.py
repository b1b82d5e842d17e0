"""Makes a balancer known to the installation."""

from __future__ import annotations

import logging
from datetime import timedelta

from temporalio.client import Client, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition
from temporalio.service import RPCError

from skyflow.contracts import BalancerRegistration, Balancers, Message
from skyflow.naming import INSTALLATION_WORKFLOW_ID
from skyflow.records import Record
from skyflow.temporal import ask_installation, knows_no_workflow

_CALL_TIMEOUT = timedelta(seconds=10)

_log = logging.getLogger(__name__)


class _Known(Record):
    """What matters here of an installation's answer to the query of its slots."""

    balancers: tuple[str, ...] = ()


async def ensure_registered(client: Client, balancer: str) -> None:
    """Register a balancer with the installation, unless the running one knows it.

    The installation's workflow is started if it does not run. Asking adds nothing to its history.

    Raises:
        Exception: Temporal or the installation does not answer.
    """
    if balancer in await _registered(client):
        return
    registration = BalancerRegistration(balancer=balancer)
    await ask_installation(
        client, Message.REGISTER_BALANCER, registration, Balancers, timeout=_CALL_TIMEOUT
    )
    _log.info("balancer %s is registered", balancer)


async def _registered(client: Client) -> tuple[str, ...]:
    handle = client.get_workflow_handle(INSTALLATION_WORKFLOW_ID)
    try:
        known: _Known = await handle.query(
            Message.SLOTS,
            result_type=_Known,
            reject_condition=QueryRejectCondition.NOT_OPEN,
            rpc_timeout=_CALL_TIMEOUT,
        )
    except WorkflowQueryRejectedError:
        return ()
    except RPCError as error:
        if knows_no_workflow(error):
            return ()
        raise
    return known.balancers

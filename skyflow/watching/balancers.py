"""Which balancers the installation knows, and where they are asked."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field
from temporalio.client import Client, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition
from temporalio.service import RPCError

from skyflow.contracts import Message
from skyflow.naming import INSTALLATION_WORKFLOW_ID
from skyflow.records import Record
from skyflow.temporal import knows_no_workflow

_QUERY_TIMEOUT = timedelta(seconds=10)


class _Known(Record):
    """What matters here of an installation's answer to the query of its slots."""

    balancers: tuple[str, ...] = ()
    admins: dict[str, str] = Field(default={})


async def known_admins(client: Client) -> dict[str, str]:
    """Return the URL of the admin port of every balancer that the installation knows, by balancer.

    It is empty for a balancer that has not told it. Asking adds nothing to a history.

    Raises:
        RPCError: Temporal or the installation does not answer.

    """
    handle = client.get_workflow_handle(INSTALLATION_WORKFLOW_ID)
    try:
        known: _Known = await handle.query(
            Message.SLOTS,
            result_type=_Known,
            reject_condition=QueryRejectCondition.NOT_OPEN,
            rpc_timeout=_QUERY_TIMEOUT,
        )
    except WorkflowQueryRejectedError:
        return {}
    except RPCError as error:
        if knows_no_workflow(error):
            return {}
        raise
    return {balancer: known.admins.get(balancer, "") for balancer in known.balancers}

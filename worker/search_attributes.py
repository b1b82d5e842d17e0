"""The search attributes that skyflow's workflows set, in a Temporal that is not the stack's own."""

from __future__ import annotations

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from skyflow.contracts import SEARCH_ATTRIBUTES
from skyflow.errors import ControllerUnavailable


async def register_search_attributes(client: Client) -> None:
    """Make the search attributes known to the client's namespace, where they are not.

    Without them the server refuses what a workflow does, and tries it again for ever.

    Raises:
        ControllerUnavailable: They are missing and may not be made from here.

    """
    missing = await _missing(client)
    if not missing:
        return
    kind = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    request = AddSearchAttributesRequest(
        namespace=client.namespace, search_attributes=dict.fromkeys(missing, kind)
    )
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS:
            return
        raise ControllerUnavailable(
            f"Temporal's namespace {client.namespace!r} has no search attributes "
            f"{', '.join(missing)}, and does not let them be made from here: {error.message}",
            "make them, each of type Keyword, with `temporal operator search-attribute create` "
            "or in Temporal Cloud's settings of the namespace",
        ) from error


async def _missing(client: Client) -> list[str]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        known = (await client.operator_service.list_search_attributes(request)).custom_attributes
    except RPCError:
        return list(SEARCH_ATTRIBUTES)
    return [name for name in SEARCH_ATTRIBUTES if name not in known]

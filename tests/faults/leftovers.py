"""What is left of a service that was taken down; it must be nothing."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import psutil

from skyflow.contracts import Message
from skyflow.errors import ControllerUnavailable
from skyflow.naming import INSTALLATION_WORKFLOW_ID, machine_prefix, service_directory
from tests.faults.stack import Stack
from tests.processes import variables_of, words_of


async def leftovers(
    stack: Stack, service: str, incarnation: str, interfaces: set[str]
) -> AsyncIterator[str]:
    """Yield everything that is left of one incarnation but its logs."""
    prefix = f"{machine_prefix(stack.installation)}{incarnation}-"
    for name in stack.cloud.ledger.existing():
        yield f"{name} exists according to the ledger"
    for name, _ in await stack.cloud.owned(machine_prefix(stack.installation)):
        yield f"{name} exists according to the cloud"
    for path in sorted(stack.local.ledger.path.parent.glob("skyflow-*")):
        yield f"the directory {path.name}"
    for process in psutil.process_iter():
        if prefix in _described(process):
            yield f"process {process.pid}: {_described(process)[:200]}"
    for name in sorted(interfaces & {name for _, name in socket.if_nameindex()}):
        yield f"the network interface {name}"
    files = stack.settings.store / service_directory(incarnation)
    if files.exists() and any(path.is_file() for path in files.rglob("*")):
        yield f"files in {files}"
    installation = stack.client.get_workflow_handle(INSTALLATION_WORKFLOW_ID)
    if service in (await installation.query(Message.SLOTS))["slots"]:
        yield "its endpoint port is still given out to it"
    if problem := await _served(stack, service):
        yield problem


async def _served(stack: Stack, service: str) -> str | None:
    try:
        sets = (await stack.data_plane.endpoint_sets()).sets
    except ControllerUnavailable as error:
        return f"what the balancer serves cannot be told yet: {error}"
    return "the balancer still serves it" if service in {each.service for each in sets} else None


def _described(process: psutil.Process) -> str:
    return " ".join([*words_of(process), *variables_of(process).values()])

"""Where Temporal is, and how to talk to it."""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psutil

from skyflow import __version__
from skyflow.config import Settings
from skyflow.contracts import WORKFLOW_QUEUE
from skyflow.errors import ControllerUnavailable, UsageError
from skyflow.stack_state import read_state

if TYPE_CHECKING:
    from temporalio.client import Client
    from temporalio.envconfig import ClientConnectConfig
    from temporalio.runtime import Runtime
    from temporalio.service import RPCError

Answer = TypeVar("Answer")

BUILD_ID = f"skyflow-{__version__}"
"""What workers call their code. Left alone, Temporal's SDK would take a digest of every module that
is loaded, which takes a second whenever a worker is started again."""

_RETRY_SECONDS = 0.1


def external_address() -> str | None:
    """Return the Temporal that Temporal's own environment configuration names, if it names one.

    Imports nothing of Temporal's unless a profile or a configuration file may name an address.

    Raises:
        UsageError: The configuration cannot be read.

    """
    if address := os.environ.get("TEMPORAL_ADDRESS"):
        return address
    return _configuration().get("target_host") if _may_be_configured() else None


async def connect(settings: Settings, timeout: float = 10, *, quiet: bool = False) -> Client:
    """Connect to Temporal: the one configured in the environment, else the embedded stack's.

    Args:
        settings: Settings of the installation.
        timeout: Longest time (seconds) to keep trying.
        quiet: Write nothing to standard error about calls that have to be repeated.

    Raises:
        ControllerUnavailable: There is no stack, or Temporal does not answer.
        UsageError: Temporal's configuration cannot be read.

    """
    from temporalio.client import Client
    from temporalio.contrib.pydantic import pydantic_data_converter

    deadline = time.monotonic() + timeout
    runtime = _quiet_runtime() if quiet else None
    while True:
        options = _connect_options(settings)
        try:
            async with asyncio.timeout_at(_loop_time(deadline)):
                return await Client.connect(
                    **options, data_converter=pydantic_data_converter, runtime=runtime
                )
        except (RuntimeError, TimeoutError) as error:
            if time.monotonic() + _RETRY_SECONDS >= deadline:
                raise _unreachable(options["target_host"], timeout, error) from error
        await asyncio.sleep(_RETRY_SECONDS)


def knows_no_workflow(error: RPCError) -> bool:
    """Return whether Temporal says that there is no such workflow.

    A server that has just started answers with the same status for a moment because it does not
    know the namespace yet, of which nothing follows for the workflow.
    """
    from temporalio.service import RPCStatusCode

    if error.status is not RPCStatusCode.NOT_FOUND:
        return False
    details = error.grpc_status.details
    return not any(each.type_url.endswith(".NamespaceNotFoundFailure") for each in details)


async def served_elsewhere(settings: Settings) -> bool:
    """Return whether the Temporal that is configured has a worker which is not this stack's.

    Then nothing has to run here: its balancer serves the endpoints, and another worker beside it
    would look for machines and files on the wrong computer.

    Raises:
        ControllerUnavailable: Temporal does not answer.
        UsageError: Temporal's configuration cannot be read.

    """
    state = read_state(settings)
    if external_address() is None or (state is not None and state.alive):
        return False
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    client = await connect(settings, quiet=True)
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=WORKFLOW_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request)
    return any(not _ended_here(poller.identity) for poller in answer.pollers)


def _ended_here(identity: str) -> bool:
    """Return whether a poller was a process of this computer that has ended.

    Temporal lists pollers for five minutes after they asked last. Workers name themselves
    `PID@HOST`, the default of Temporal's SDK.
    """
    pid, _, host = identity.partition("@")
    return host == socket.gethostname() and pid.isdigit() and not psutil.pid_exists(int(pid))


@functools.cache
def _quiet_runtime() -> Runtime:
    from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

    errors = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=errors)))


def _connect_options(settings: Settings) -> ClientConnectConfig:
    if external_address():
        return _configuration()
    state = read_state(settings)
    if state is None or state.external:
        raise ControllerUnavailable(
            f"no embedded Temporal has been started for {settings.home}",
            "start it with `skyflow stack up`, or set TEMPORAL_ADDRESS to use another Temporal",
        )
    return {"target_host": state.temporal_address}


def _configuration() -> ClientConnectConfig:
    from temporalio.envconfig import ClientConfig

    try:
        return ClientConfig.load_client_connect_config()
    except (RuntimeError, OSError) as error:
        raise UsageError(
            f"Temporal's configuration cannot be used: {error}",
            "correct the TEMPORAL_* variables or the configuration file they name",
        ) from error


def _may_be_configured() -> bool:
    named = any(os.environ.get(name) for name in ("TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"))
    return named or _default_configuration_file().exists()


def _default_configuration_file() -> Path:
    # Where Temporal's SDKs look: the user's configuration directory of the platform.
    if sys.platform == "darwin":
        directory = Path("~/Library/Application Support").expanduser()
    else:
        configured = Path(os.environ.get("XDG_CONFIG_HOME") or "")
        directory = configured if configured.is_absolute() else Path("~/.config").expanduser()
    return directory / "temporalio" / "temporal.toml"


def _loop_time(deadline: float) -> float:
    return asyncio.get_running_loop().time() + deadline - time.monotonic()


def _unreachable(address: str, timeout: float, error: Exception) -> ControllerUnavailable:
    reason = str(error) or "no answer"
    if external_address():
        remedy = "check that it runs, and TEMPORAL_ADDRESS and the other TEMPORAL_* settings"
    else:
        remedy = "see `skyflow stack status` and `skyflow stack logs temporal`"
    return ControllerUnavailable(
        f"Temporal at {address} did not answer within {timeout:g} s: {reason}", remedy
    )

"""The worker process: workflows and activities, each on the queue of its kind."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.context import Context, open_context
from activities.files import FileActivities
from activities.installation import InstallationActivities
from activities.load import LoadActivities
from activities.machines import MachineActivities
from activities.replica import ReplicaActivities
from activities.survey import SurveyActivities
from skyflow.config import Settings
from skyflow.contracts import OPERATIONS_QUEUE, WATCH_QUEUE, WORKFLOW_QUEUE
from skyflow.open_files import allow_many_files
from skyflow.temporal import BUILD_ID, connect, external_address
from worker.liveness import hanging_up
from worker.reaper_schedule import ensure_reaper
from worker.search_attributes import register_search_attributes
from workflows.installation import InstallationWorkflow
from workflows.messages import DropUnfitSignals
from workflows.reaper import ReaperWorkflow
from workflows.replica import ReplicaWorkflow
from workflows.service import ServiceWorkflow

CONNECT_SECONDS = 60.0
OPERATION_SLOTS = 200
WATCH_SLOTS = 2000
OPERATION_THROTTLE = timedelta(seconds=1)
WATCH_THROTTLE = timedelta(seconds=10)
"""Longest delay of a heartbeat, and so of a cancellation, which comes with its answer."""
GRACE = timedelta(seconds=1)
"""What activities get to end by themselves before they move to another worker."""
STICKY_SECONDS = timedelta(seconds=2)
"""How long a workflow waits for the worker that knows it before another one takes it."""

WORKFLOWS = (InstallationWorkflow, ServiceWorkflow, ReplicaWorkflow, ReaperWorkflow)

log = logging.getLogger(__name__)


async def run_worker(settings: Settings, liveness: Path | None = None) -> None:
    """Work until SIGTERM or SIGINT.

    Args:
        settings: Those of the installation.
        liveness: Unix socket by which a supervisor can tell that the worker does not hang.

    Raises:
        ControllerUnavailable: Temporal does not answer, or lacks what workflows need.
        StorageError: The store or the keys cannot be used.

    """
    configure_logging()
    allow_many_files()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    client = await connect(settings, timeout=CONNECT_SECONDS)
    if external_address():  # the supervisor sets the stack's own up
        await register_search_attributes(client)
    await ensure_reaper(client)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hanging_up(liveness))
        context = await stack.enter_async_context(open_context(settings, client))
        for worker in workers(client, context):
            await stack.enter_async_context(worker)
        log.info("working for %s", settings.home)
        await stopped.wait()
        log.info("stopping")


def configure_logging() -> None:
    """Write what happens to standard error, but not what SSH does: that is a page a minute."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)


def workers(client: Client, context: Context) -> list[Worker]:
    """Return the workers of one process, with activities kept apart by how long they take.

    Workflows use the code that the process started with. Loading it anew for each of them, as
    Temporal's sandbox does, would mix versions when the files change under a running worker. A
    sandbox that trusts our modules guards little and costs a third of a workflow task, so the
    strict one guards in the tests, where each workflow runs in it, replayed at every task.
    """
    activities = activities_by_queue(context)
    return [
        Worker(
            client,
            task_queue=WORKFLOW_QUEUE,
            workflows=WORKFLOWS,
            interceptors=[DropUnfitSignals()],
            workflow_runner=UnsandboxedWorkflowRunner(),
            sticky_queue_schedule_to_start_timeout=STICKY_SECONDS,
            build_id=BUILD_ID,
        ),
        *(
            Worker(
                client,
                task_queue=queue,
                activities=activities[queue],
                max_concurrent_activities=slots,
                max_heartbeat_throttle_interval=throttle,
                graceful_shutdown_timeout=GRACE,
                build_id=BUILD_ID,
            )
            for queue, slots, throttle in (
                (OPERATIONS_QUEUE, OPERATION_SLOTS, OPERATION_THROTTLE),
                (WATCH_QUEUE, WATCH_SLOTS, WATCH_THROTTLE),
            )
        ),
    ]


def activities_by_queue(context: Context) -> dict[str, list[Callable[..., object]]]:
    """Return the activities that a worker carries out, by task queue."""
    installation, machines = InstallationActivities(context), MachineActivities(context)
    replica, files = ReplicaActivities(context), FileActivities(context)
    survey, load = SurveyActivities(context), LoadActivities(context)
    return {
        OPERATIONS_QUEUE: [
            installation.reserve_endpoint,
            installation.release_endpoint,
            machines.find_offers,
            machines.launch_machine,
            machines.teardown_replica,
            replica.prepare_replica,
            replica.start_replica,
            files.remove_service_files,
            survey.survey_installation,
            survey.recall_service,
        ],
        WATCH_QUEUE: [replica.watch_replica, load.watch_load],
    }

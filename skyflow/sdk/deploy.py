"""Handing a service's spec and files to its workflow."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from contextlib import suppress
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from skyflow import API_VERSION
from skyflow.config import Settings
from skyflow.contracts import (
    MEMO_STATUS,
    WORKFLOW_QUEUE,
    ApplyOutcome,
    ApplyRequest,
    Message,
    WorkflowName,
)
from skyflow.errors import ControllerUnavailable, ServiceConflict, StorageError, UsageError
from skyflow.installation import installation_id
from skyflow.naming import service_directory, service_workflow_id
from skyflow.sdk.faults import STACK_REMEDY, temporal_faults
from skyflow.sdk.lookup import ANSWER_SECONDS, check_compatible, require_worker, sight
from skyflow.sdk.support import check_named_clouds, check_supported
from skyflow.spec import check_service_name
from skyflow.state import ServicePhase, ServiceStatus, ServiceVersion, SpecReference
from skyflow.storage.specs import PreparedSpec
from skyflow.storage.store import Store
from skyflow.updates import send_update


async def deploy(
    settings: Settings, temporal: Client, prepared: PreparedSpec, name: str
) -> ApplyOutcome:
    """Deploy a spec under a name, or find that it runs there already.

    What was stored for it is removed if the service refuses it, but kept if no answer came: the
    request may well be carried out.

    Raises:
        UsageError: The name cannot be that of a service, or the cloud that is named cannot carry
            out a key of `resources`.
        SpecError: The spec asks for what this version cannot carry out.
        ServiceConflict: The name runs another spec, or is being taken down.
        StorageError: The spec or its files could not be stored.
        ControllerUnavailable: Temporal or the worker does not answer.

    """
    check_service_name(name)
    check_supported(prepared.task, f"service {name}")
    check_named_clouds(prepared.task, settings)
    sighting = await sight(temporal, name)
    if sighting is not None:
        check_compatible(sighting.status)
        return _unchanged(sighting.status, prepared.digest)
    await require_worker(temporal)
    incarnation = secrets.token_hex(4)
    store = Store(settings)
    try:
        reference = await prepared.save(store, incarnation)
    except BaseException:
        # What made storing fail may make this fail too, and is what has to be told.
        with suppress(StorageError):
            await store.delete_prefix(service_directory(incarnation))
        raise
    request = _request(installation_id(settings), prepared, reference, incarnation)
    try:
        outcome = await _apply(temporal, name, request)
    except ControllerUnavailable as error:
        raise ControllerUnavailable(
            f"{error.message}; the request is recorded and will be deployed once a worker runs",
            f"{STACK_REMEDY}; `skyflow serve status {name}` says how far it is",
        ) from error
    except UsageError as error:
        await store.delete_prefix(service_directory(incarnation))
        raise _explained(error, name) from error
    if outcome.incarnation != incarnation:
        # Somebody else deployed the same spec at the same moment.
        await store.delete_prefix(service_directory(incarnation))
    return outcome


def _unchanged(status: ServiceStatus, digest: str) -> ApplyOutcome:
    """Say that a service runs this spec already.

    Raises:
        ServiceConflict: It does not, or it is being taken down.

    """
    name = status.service
    if status.phase in (ServicePhase.SHUTTING_DOWN, ServicePhase.DOWN):
        raise _explained(ServiceConflict(f"service {name!r} is being taken down"), name)
    if status.spec_digest != digest:
        raise _explained(ServiceConflict(f"service {name!r} runs with another spec"), name)
    return ApplyOutcome(incarnation=status.incarnation, version=status.version, changed=False)


def _explained(error: UsageError, name: str) -> UsageError:
    if not isinstance(error, ServiceConflict) or error.remedy:
        return error
    return ServiceConflict(
        error.message,
        "a running service cannot be changed in place by this version of skyflow (that will be "
        f"`skyflow serve update`): run `skyflow serve down {name}` first, or deploy under another "
        "name with -n",
    )


def _request(
    installation: str, prepared: PreparedSpec, reference: SpecReference, incarnation: str
) -> ApplyRequest:
    version = ServiceVersion(
        number=1,
        spec=reference,
        settings=prepared.task.settings(),
        redacted_yaml=prepared.task.redacted_yaml(),
        created_at=time.time(),
    )
    return ApplyRequest(installation=installation, version=version, incarnation=incarnation)


async def _apply(temporal: Client, name: str, request: ApplyRequest) -> ApplyOutcome:
    update_id = str(uuid.uuid4())

    async def apply() -> ApplyOutcome:
        operation = WithStartWorkflowOperation[Any, Any](
            WorkflowName.SERVICE,
            request,
            id=service_workflow_id(name),
            task_queue=WORKFLOW_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            memo={MEMO_STATUS: _first_status(name, request)},
            static_summary=f"service {name}",
        )
        outcome: ApplyOutcome = await temporal.execute_update_with_start_workflow(
            Message.APPLY,
            request,
            start_workflow_operation=operation,
            id=update_id,
            result_type=ApplyOutcome,
        )
        return outcome

    with temporal_faults(f"deploying service {name!r}"):
        async with asyncio.timeout(ANSWER_SECONDS):
            return await send_update(apply)


def _first_status(name: str, request: ApplyRequest) -> ServiceStatus:
    """Return what is known of a service before its workflow has run at all."""
    now = time.time()
    return ServiceStatus(
        api_version=API_VERSION,
        service=name,
        incarnation=request.incarnation,
        phase=ServicePhase.CONTROLLER_INIT,
        version=request.version.number,
        spec_digest=request.version.spec.digest,
        target=request.version.settings.replicas,
        started_at=now,
        load_balancing_policy=request.version.settings.load_balancing_policy,
        resources=request.version.settings.resources,
        autoscaling=request.version.settings.autoscaling,
        updated_at=now,
    )

"""What Temporal's histories say of one incarnation of a service."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory

from skyflow.contracts import (
    APPLY_ENDPOINTS,
    LAUNCH_MACHINE,
    TEARDOWN_REPLICA,
    Message,
)
from skyflow.naming import machine_prefix, service_workflow_id
from tests.faults.ledger_check import Asked, Target, Wanted
from tests.faults.prober import Serving

_ENDED = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
)


@dataclass
class Record:
    """What happened to a service, by the histories of its workflows."""

    wanted: Wanted = field(default_factory=Wanted)
    serving: list[Serving] = field(default_factory=list)
    """When the balancer had a replica among its endpoints."""
    histories: list[WorkflowHistory] = field(default_factory=list)


async def read_record(client: Client, installation: str, service: str, incarnation: str) -> Record:
    """Read the histories of a service that has ended, and of its replicas."""
    record = Record()
    service_events, replicas = list[HistoryEvent](), list[str]()
    async for history in _runs(client, service_workflow_id(service)):
        record.histories.append(history)
        service_events += history.events
    for event in service_events:
        child = event.start_child_workflow_execution_initiated_event_attributes
        replicas += [child.workflow_id] if child.workflow_id else []
    record.wanted.targets = list(_targets(service_events))
    record.serving = list(_serving(service_events))
    for workflow_id in dict.fromkeys(replicas):
        replica_id = workflow_id.rpartition("/")[2]
        prefix = f"{machine_prefix(installation)}{incarnation}-{replica_id}-"
        async for history in _runs(client, workflow_id):
            record.histories.append(history)
            record.wanted.launches += _launches(history.events)
            record.wanted.ends += _ends(history.events, prefix)
    return record


async def _runs(client: Client, workflow_id: str) -> AsyncIterator[WorkflowHistory]:
    """Yield the histories of all runs of a workflow, oldest first."""
    runs = [each async for each in client.list_workflows(f"WorkflowId = '{workflow_id}'")]
    for each in sorted(runs, key=lambda each: each.start_time):
        handle = client.get_workflow_handle(workflow_id, run_id=each.run_id)
        yield await handle.fetch_history()


def _targets(events: list[HistoryEvent]) -> Iterator[Target]:
    for event in events:
        begun = event.workflow_execution_started_event_attributes
        update = event.workflow_execution_update_accepted_event_attributes
        if begun.workflow_id and not begun.continued_execution_run_id:
            settings = _decoded(begun.input)["version"]["settings"]
            yield Target(_time(event), settings["replicas"] * settings["num_nodes"])
        elif update.accepted_request.input.name == Message.SCALE:
            replicas = _decoded(update.accepted_request.input.args)["replicas"]
            if replicas is not None:
                yield Target(_time(event), replicas)


def _serving(events: list[HistoryEvent]) -> Iterator[Serving]:
    """Yield from when until when each replica was among the endpoints in force."""
    since: dict[int, float] = {}
    sent: dict[int, list[int]] = {}
    for event in events:
        begun = event.activity_task_scheduled_event_attributes
        done = event.activity_task_completed_event_attributes
        if begun.activity_type.name == APPLY_ENDPOINTS.name:
            ids = [e["replica_id"] for e in _decoded(begun.input).get("endpoints", ())]
            sent[event.event_id] = ids
            for replica_id in [each for each in since if each not in ids]:
                yield Serving(replica_id, since.pop(replica_id), _time(event))
        elif done.scheduled_event_id in sent:
            for replica_id in sent.pop(done.scheduled_event_id):
                since.setdefault(replica_id, _time(event))
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
            sent.clear()
    for replica_id, at in since.items():
        yield Serving(replica_id, at, time.time())


def _launches(events: Any) -> Iterator[Asked]:
    for event in events:
        begun = event.activity_task_scheduled_event_attributes
        if begun.activity_type.name == LAUNCH_MACHINE.name:
            yield Asked(_time(event), _decoded(begun.input)["name"])


def _ends(events: Any, prefix: str) -> Iterator[Asked]:
    for event in events:
        signalled = event.workflow_execution_signaled_event_attributes
        told = event.signal_external_workflow_execution_initiated_event_attributes
        begun = event.activity_task_scheduled_event_attributes
        reports = told.signal_name == Message.REPLICA_CHANGED
        ends = reports and bool(_decoded(told.input).get("outcome"))
        if ends or signalled.signal_name == Message.STOP or event.event_type in _ENDED:
            yield Asked(_time(event), prefix)
        elif begun.activity_type.name == TEARDOWN_REPLICA.name:
            yield from (Asked(_time(event), name) for name in _decoded(begun.input)["names"])


def _decoded(payloads: Payloads) -> Any:
    return json.loads(payloads.payloads[0].data)


def _time(event: HistoryEvent) -> float:
    return event.event_time.seconds + event.event_time.nanos / 1e9

"""The named points at which a run kills or freezes something, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from skyflow.contracts import WorkflowName


class Stage(StrEnum):
    """Parts of a run, in the order in which they come."""

    DEPLOY = "deploy"
    REPLACE = "replace"
    """A replica is lost and replaced."""
    SCALE = "scale"
    """One replica more, then one fewer, then as many as the load asks for."""
    CHECKPOINT = "checkpoint"
    """Every workflow continues as new."""
    REAP = "reap"
    """The workflow of a replica is terminated, and the reaper runs."""
    DOWN = "down"
    ABANDON = "abandon"
    """In place of `down`: the workflow of the service is terminated, and the reaper runs."""


class Moment(StrEnum):
    """When, in an activity or a workflow."""

    BEFORE = "before"
    """Before the effect."""
    DURING = "during"
    """While a long one is under way."""
    AFTER = "after"
    """The effect is done, and Temporal has not been told."""
    CONTINUE = "continue-as-new"
    """The workflow is about to continue as new, and Temporal has not been told."""


class Host(StrEnum):
    """Which process reaches a point."""

    WORKER = "worker"
    CONTROL = "lb-control"


@dataclass(frozen=True)
class Work:
    """An activity or a workflow, and when a run comes by it."""

    host: Host
    stages: Mapping[Stage, int]
    """How often it is at least reached in each stage of a run with two replicas."""
    moments: tuple[Moment, ...] = (Moment.BEFORE, Moment.AFTER)


@dataclass(frozen=True)
class Point:
    """One place in the program at which a fault can strike."""

    work: str
    moment: Moment

    @property
    def name(self) -> str:
        return f"{self.work}/{self.moment}"

    @property
    def host(self) -> Host:
        return TABLE[self.work].host

    @property
    def stages(self) -> Mapping[Stage, int]:
        return TABLE[self.work].stages


_LONG = (Moment.BEFORE, Moment.DURING, Moment.AFTER)
_STARTS = {Stage.DEPLOY: 2, Stage.REPLACE: 1, Stage.SCALE: 1}
_ENDS = {Stage.REAP: 1, Stage.DOWN: 2, Stage.ABANDON: 2}

TABLE: Mapping[str, Work] = {
    "reserve_endpoint": Work(Host.WORKER, {Stage.DEPLOY: 1}),
    # Later replicas go to offers that were found then, which are kept for a while.
    "find_offers": Work(Host.WORKER, {Stage.DEPLOY: 1}),
    "launch_machine": Work(Host.WORKER, _STARTS, _LONG),
    "prepare_replica": Work(Host.WORKER, _STARTS, _LONG),
    "start_replica": Work(Host.WORKER, _STARTS),
    "watch_replica": Work(Host.WORKER, _STARTS, _LONG),
    "watch_load": Work(Host.WORKER, {Stage.SCALE: 1, Stage.CHECKPOINT: 1}, _LONG),
    "apply_endpoints": Work(Host.CONTROL, {Stage.DEPLOY: 1, Stage.REPLACE: 2, Stage.SCALE: 2}),
    "drain_replica": Work(Host.CONTROL, {Stage.SCALE: 1, **_ENDS}, _LONG),
    "teardown_replica": Work(Host.WORKER, {Stage.REPLACE: 1, Stage.SCALE: 1, **_ENDS}),
    "remove_service_files": Work(Host.WORKER, {Stage.DOWN: 1, Stage.ABANDON: 1}),
    "release_endpoint": Work(Host.WORKER, {Stage.DOWN: 1, Stage.ABANDON: 1}),
    "survey_installation": Work(Host.WORKER, {Stage.REAP: 2, Stage.ABANDON: 2}),
    "recall_service": Work(Host.WORKER, {Stage.ABANDON: 1}),
    WorkflowName.INSTALLATION: Work(Host.WORKER, {Stage.CHECKPOINT: 1}, (Moment.CONTINUE,)),
    WorkflowName.SERVICE: Work(Host.WORKER, {Stage.CHECKPOINT: 1}, (Moment.CONTINUE,)),
    WorkflowName.REPLICA: Work(Host.WORKER, {Stage.CHECKPOINT: 2}, (Moment.CONTINUE,)),
}
"""Every activity, and every workflow that continues as new."""

POINTS = tuple(Point(work, moment) for work, entry in TABLE.items() for moment in entry.moments)


def point(name: str) -> Point:
    """Return the point of a name."""
    return next(each for each in POINTS if each.name == name)

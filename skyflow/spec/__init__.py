"""The service YAML: text to frozen models, variables filled in, every problem with its place."""

from skyflow.spec.loader import load_task
from skyflow.spec.names import check_service_name
from skyflow.spec.options import LoadOptions
from skyflow.spec.probe import ReadinessProbe
from skyflow.spec.replica_policy import ReplicaPolicy
from skyflow.spec.resources import Resources
from skyflow.spec.service import Service
from skyflow.spec.task import Task

__all__ = [
    "LoadOptions",
    "ReadinessProbe",
    "ReplicaPolicy",
    "Resources",
    "Service",
    "Task",
    "check_service_name",
    "load_task",
]

"""The service YAML: text to frozen models, variables filled in, every problem with its place."""

from skyflow.spec.declaration import Declaration
from skyflow.spec.loader import load_task
from skyflow.spec.names import check_service_name
from skyflow.spec.options import LoadOptions, ResourceOverrides
from skyflow.spec.probe import ReadinessProbe
from skyflow.spec.replica_policy import ReplicaPolicy
from skyflow.spec.resources import Resources
from skyflow.spec.service import Service
from skyflow.spec.task import Task

__all__ = [
    "Declaration",
    "LoadOptions",
    "ReadinessProbe",
    "ReplicaPolicy",
    "ResourceOverrides",
    "Resources",
    "Service",
    "Task",
    "check_service_name",
    "load_task",
]

"""What a service YAML says."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import Field, JsonValue, ValidationInfo, field_validator

from skyflow.spec.alternative import Ignored
from skyflow.spec.faults import Fault, allowed, refused, wrong
from skyflow.spec.marks import NOT_YET
from skyflow.spec.names import NAME_FORMS, is_task_name
from skyflow.spec.numbers import MAX_MACHINES, NodeCount
from skyflow.spec.ports import choose_main_port
from skyflow.spec.resources import Resources
from skyflow.spec.section import Section
from skyflow.spec.service import Service
from skyflow.spec.sources import Mount, Workdir
from skyflow.spec.spot import check_spot
from skyflow.spec.variables import EnvsInput, SecretsInput

_POOL = "makes a pool of workers for jobs, which skyflow does not run; allowed: `service`"


class Declaration(Section):
    """A service: what runs, on which machines, and how it is reached."""

    refused_keys: ClassVar[Mapping[str, str]] = MappingProxyType({"pool": _POOL})

    name: str | None = None
    """Name of the service; the command line makes one up if it is missing."""
    resources: Resources = Field(default_factory=Resources)
    """What each machine must have."""
    num_nodes: NodeCount = 1
    """Number of machines of a replica; the first one is reached by the balancer."""
    workdir: Workdir | None = None
    """Directory or Git repository whose content is put on each machine, where `setup` and `run`
    start."""
    file_mounts: dict[str, Mount] = Field(default_factory=dict)
    """Files, directories and buckets to put on each machine, by the path they get there."""
    volumes: Annotated[dict[str, JsonValue] | None, NOT_YET] = None
    """Network volumes to put on each machine, by the path they get there."""
    volume_mounts: Annotated[JsonValue, NOT_YET] = None
    """Older form of `volumes`."""
    setup: str = ""
    """Bash script that prepares a machine."""
    run: str
    """Bash script that serves until it is ended."""
    envs: EnvsInput = Field(default_factory=dict)
    """Environment variables of both scripts; null is to be given when the file is loaded."""
    secrets: SecretsInput = Field(default_factory=dict)
    """Environment variables of both scripts that nobody may see; a list names those that are to be
    given when the file is loaded."""
    managed_secrets: Annotated[JsonValue, NOT_YET] = None
    """Secrets that SkyPilot's server keeps."""
    service: Service
    """How replicas are probed, counted, reached and retired."""
    config: Ignored = None
    """Settings of SkyPilot."""
    experimental: Ignored = None
    """Settings of SkyPilot."""
    inputs: Ignored = None
    """Data that a job reads."""
    outputs: Ignored = None
    """Data that a job writes."""
    event_callback: Ignored = None
    """Script that SkyPilot calls when the state of a job changes."""
    priority: Ignored = None
    """Order of jobs in a queue."""
    job_recovery: Ignored = None
    """Recovery of jobs; replicas are always replaced."""
    api_server_access: Ignored = None
    """Whether a job may call SkyPilot's server."""
    api_server: Ignored = None
    """SkyPilot's server."""
    file_mounts_mapping: Ignored = None
    """What SkyPilot's client notes for its server."""

    @property
    def port(self) -> int:
        """Port on a replica: `service.ports`, else the only one of `resources.ports`, else 8080."""
        candidates = self.resources.candidates()
        return choose_main_port(self.service.ports, [each.ports for each in candidates])

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str | None) -> str | None:
        if name is not None and not is_task_name(name):
            raise allowed(NAME_FORMS)
        return name

    @field_validator("resources")
    @classmethod
    def _check_market(cls, resources: Resources) -> Resources:
        if len({bool(each.use_spot) for each in resources.candidates()}) > 1:
            raise wrong("mixes spot and on-demand; allowed: `use_spot` the same in all entries")
        return resources

    @field_validator("file_mounts", mode="before")
    @classmethod
    def _check_mounts(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise allowed("a mapping of paths on the machine to local paths")
        faults = [fault for target in value for fault in _target_faults(target)]
        if faults:
            raise refused(faults)
        return value

    @field_validator("run")
    @classmethod
    def _check_run(cls, run: str) -> str:
        if not run.strip():
            raise wrong("is empty; allowed: the command that starts the server")
        return run

    @field_validator("setup", "run")
    @classmethod
    def _check_script(cls, script: str) -> str:
        if "\0" in script:
            raise wrong("holds a NUL character, which no script can")
        return script

    @field_validator("service")
    @classmethod
    def _check_machines(cls, service: Service, info: ValidationInfo) -> Service:
        machines = service.in_total * info.data.get("num_nodes", 1)
        if machines > MAX_MACHINES:
            raise wrong(
                f"asks for {machines} machines (replicas times num_nodes); "
                f"allowed: at most {MAX_MACHINES}"
            )
        return service

    @field_validator("service")
    @classmethod
    def _check_service(cls, service: Service, info: ValidationInfo) -> Service:
        resources = info.data.get("resources")
        if isinstance(resources, Resources):
            choose_main_port(service.ports, [each.ports for each in resources.candidates()])
            check_spot(service, resources)
        return service


def _target_faults(target: str) -> list[Fault]:
    parts = target.rstrip("/").split("/")
    if not target.strip("/ ~.") or ".." in parts or "\0" in target or "://" in target:
        message = f"'{target}' cannot be put in place; allowed: a path below / or ~ without .."
        return [Fault(message, (target,), of_key=True)]
    return []

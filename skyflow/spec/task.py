"""The whole service YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from skyflow.placement.offers import ResourceRequest
from skyflow.spec.faults import Fault, allowed, refused, wrong
from skyflow.spec.names import NAME_FORMS, is_task_name
from skyflow.spec.numbers import MAX_MACHINES, NodeCount
from skyflow.spec.ports import choose_main_port
from skyflow.spec.requests import resource_requests
from skyflow.spec.resources import Resources
from skyflow.spec.section import Section
from skyflow.spec.service import Service
from skyflow.state import ServiceSettings

LocalPath = Annotated[Path, Field(strict=False)]
"""Absolute path on the computer where the file was loaded."""


class Declaration(Section):
    """What a service YAML says."""

    not_supported_yet: ClassVar = frozenset(
        {
            "volumes",
            "config",
            "experimental",
            "inputs",
            "outputs",
            "event_callback",
            "pool",
            "job_recovery",
            "priority",
            "api_server",
            "file_mounts_mapping",
        }
    )

    name: str | None = None
    """Name of the service; the command line makes one up if it is missing."""
    resources: Resources = Field(default_factory=Resources)
    """What each machine must have."""
    num_nodes: NodeCount = 1
    """Number of machines of a replica; the first one is reached by the balancer."""
    workdir: LocalPath | None = None
    """Directory whose content is put on each machine, where `setup` and `run` start."""
    file_mounts: dict[str, LocalPath] = Field(default_factory=dict)
    """Files and directories to put on each machine, by the path they get there."""
    setup: str = ""
    """Bash script that prepares a machine."""
    run: str
    """Bash script that serves until it is ended."""
    envs: dict[str, str] = Field(default_factory=dict)
    """Environment variables of both scripts."""
    secrets: dict[str, str] = Field(default_factory=dict)
    """Environment variables of both scripts that nobody may see."""
    service: Service
    """How replicas are probed, counted, reached and retired."""

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

    @field_validator("workdir", mode="before")
    @classmethod
    def _check_workdir(cls, value: Any) -> Any:
        if isinstance(value, dict):
            raise wrong("a Git repository as workdir is not supported yet; allowed: a directory")
        if not isinstance(value, str | Path):
            raise allowed("the path of a directory")
        if "://" in str(value):
            raise wrong("a URL as workdir is not supported yet; allowed: a directory")
        return value

    @field_validator("file_mounts", mode="before")
    @classmethod
    def _check_mounts(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise allowed("a mapping of paths on the machine to local paths")
        faults = [
            fault for target, source in value.items() for fault in _mount_faults(target, source)
        ]
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
        machines = service.target * info.data.get("num_nodes", 1)
        if machines > MAX_MACHINES:
            raise wrong(
                f"asks for {machines} machines (replicas times num_nodes); "
                f"allowed: at most {MAX_MACHINES}"
            )
        return service

    @field_validator("service")
    @classmethod
    def _check_port(cls, service: Service, info: ValidationInfo) -> Service:
        resources = info.data.get("resources")
        if isinstance(resources, Resources):
            choose_main_port(service.ports, [each.ports for each in resources.candidates()])
        return service


class Task(Declaration):
    """A service YAML with its variables settled. It holds secrets: store it encrypted only."""

    redacted: str
    """The YAML without any value of an env or a secret."""

    def settings(self) -> ServiceSettings:
        """Return what workflows decide by: the parts that hold no secret."""
        return ServiceSettings(
            replicas=self.service.target,
            num_nodes=self.num_nodes,
            resources=self.requests(),
            ordered=self.resources.in_order,
            port=self.port,
            initial_delay_seconds=self.service.readiness_probe.initial_delay_seconds,
            drain_seconds=self.service.drain_seconds,
            load_balancing_policy=self.service.load_balancing_policy,
            retry=self.service.retry,
            stream_timeout_seconds=self.service.load_balancer.stream_timeout_seconds,
        )

    def requests(self) -> tuple[ResourceRequest, ...]:
        """Return every kind of machine that would do, in the order of the file."""
        return resource_requests(self.resources)

    def environment(self) -> dict[str, str]:
        """Return the variables of `setup` and `run`: envs, then secrets."""
        return {**self.envs, **self.secrets}

    def secret_values(self) -> tuple[str, ...]:
        """Return what logs must not show, longest first."""
        values = {value for value in self.secrets.values() if value}
        return tuple(sorted(values, key=lambda text: (-len(text), text)))

    def redacted_yaml(self) -> str:
        """Return the YAML for people to read: no value of an env or a secret is in it."""
        return self.redacted


def _mount_faults(target: str, source: Any) -> list[Fault]:
    path = (target,)
    if isinstance(source, dict):
        return [Fault("a bucket is not supported yet; allowed: a local path", path)]
    if not isinstance(source, str | Path):
        return [Fault("a local path", path, shows_found=True)]
    if "://" in str(source):
        return [Fault("a URL is not supported yet; allowed: a local path", path)]
    parts = target.rstrip("/").split("/")
    if not target.strip("/ ~.") or ".." in parts or "\0" in target:
        message = f"'{target}' cannot be put in place; allowed: a path below / or ~ without .."
        return [Fault(message, path, of_key=True)]
    return []

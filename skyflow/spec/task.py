"""A service YAML with its variables settled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import PrivateAttr

from skyflow.errors import Problem
from skyflow.placement.offers import BucketPrefix, ResourceRequest
from skyflow.spec.autoscaling import autoscaling_settings
from skyflow.spec.declaration import Declaration
from skyflow.spec.document import path_text
from skyflow.spec.limits import Queue
from skyflow.spec.load_balancer import PREFIX_BYTES
from skyflow.spec.requests import resource_requests
from skyflow.spec.sources import StorageMount
from skyflow.spec.support import ignored_keys, unsupported_keys
from skyflow.state import QueueLimits, ServiceSettings

__all__ = ["Declaration", "Task"]


class Task(Declaration):
    """A service YAML with its variables settled. It holds secrets: store it encrypted only.

    Two tasks that say the same are equal, wherever in their files they say it.
    """

    redacted: str
    """The YAML without any value of an env or a secret."""
    _notices: tuple[Problem, ...] | None = PrivateAttr(default=None)
    _unsupported: tuple[Problem, ...] | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def settings(self) -> ServiceSettings:
        """Return what workflows decide by: the parts that hold no secret."""
        balancer = self.service.load_balancer
        return ServiceSettings(
            replicas=self.service.target,
            num_nodes=self.num_nodes,
            resources=self.requests(),
            ordered=self.resources.in_order,
            port=self.port,
            initial_delay_seconds=self.service.readiness_probe.initial_delay_seconds,
            drain_seconds=self.service.drain_seconds,
            load_balancing_policy=self.service.load_balancing_policy,
            qps_by_accelerator=self.service.qps_by_accelerator,
            slow_start_seconds=balancer.slow_start_seconds,
            prefix_bytes=balancer.prefix_bytes or PREFIX_BYTES,
            session_header=balancer.session_header,
            retry=self.service.retry,
            stream_timeout_seconds=balancer.stream_timeout_seconds,
            timeout_seconds=self.service.timeout_seconds,
            max_concurrency=self.service.max_concurrency,
            queue=self._queue(),
            access_log=balancer.access_log,
            autoscaling=autoscaling_settings(self.service),
        )

    def _queue(self) -> QueueLimits | None:
        service = self.service
        queue = service.queue
        varies = service.replica_policy is not None and service.replica_policy.varies
        if queue is None and (varies or service.max_concurrency is not None):
            queue = Queue()
        return QueueLimits(**queue.model_dump()) if queue else None

    def requests(self) -> tuple[ResourceRequest, ...]:
        """Return every kind of machine that would do, in the order of the file."""
        buckets = tuple(dict.fromkeys(self.mounted_buckets().values()))
        requests = resource_requests(self.resources)
        if not buckets:
            return requests
        return tuple(each.model_copy(update={"buckets": buckets}) for each in requests)

    def local_sources(self) -> tuple[Path, ...]:
        """Return the files and directories of this computer that a machine gets."""
        workdir = [self.workdir] if isinstance(self.workdir, Path) else []
        return (*workdir, *self.local_mounts().values())

    def local_mounts(self) -> dict[str, Path]:
        """Return those `file_mounts` that come from this computer, by the path they get."""
        found: dict[str, Path] = {}
        for target, source in self.file_mounts.items():
            if isinstance(source, StorageMount):
                found |= source.local_files(target)
            else:
                found[target] = source
        return found

    def remote_mounts(self) -> dict[str, str]:
        """Return the URLs of those `file_mounts` that machines fetch, by the path they get."""
        return {
            target: source.url
            for target, source in self.file_mounts.items()
            if isinstance(source, StorageMount) and source.url is not None and source.mode == "copy"
        }

    def mounted_buckets(self) -> dict[str, BucketPrefix]:
        """Return what of S3 is mounted, by the path it gets."""
        return {
            target: bucket
            for target, source in self.file_mounts.items()
            if isinstance(source, StorageMount)
            and source.mode == "mount"
            and (bucket := source.bucket_prefix())
        }

    def environment(self) -> dict[str, str]:
        """Return the variables of `setup` and `run`: envs, then secrets."""
        return {**self.envs, **self.secrets}

    def secret_values(self) -> tuple[str, ...]:
        """Return what logs must not show, longest first."""
        keys = self.service.auth.api_keys if self.service.auth else ()
        values = {value for value in (*self.secrets.values(), *keys) if value}
        return tuple(sorted(values, key=lambda text: (-len(text), text)))

    def redacted_yaml(self) -> str:
        """Return the YAML for people to read: no value of an env or a secret is in it."""
        return self.redacted

    def unsupported(self) -> tuple[Problem, ...]:
        """Return what the YAML asks for and this version cannot carry out.

        Each has the place of its key if the task was loaded from a file.
        """
        if self._unsupported is not None:
            return self._unsupported
        return tuple(Problem(m, path_text(path)) for path, m in unsupported_keys(self))

    @property
    def notices(self) -> tuple[Problem, ...]:
        """What a user should know of the YAML, such as keys that have no effect on a service."""
        if self._notices is not None:
            return self._notices
        return tuple(Problem(m, path_text(path)) for path, m in ignored_keys(self))

    def with_places(self, *, notices: Sequence[Problem], unsupported: Sequence[Problem]) -> Task:
        """Return the same task with notices and unsupported keys that know their lines."""
        copy = self.model_copy()
        copy._notices = tuple(notices)
        copy._unsupported = tuple(unsupported)
        return copy

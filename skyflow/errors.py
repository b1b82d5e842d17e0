"""Every error that skyflow raises on purpose.

SkyflowError
├── UsageError              what was asked for cannot be done as asked
│   ├── SpecError           the service YAML is not valid
│   ├── ServiceNotFound     no running service has that name
│   └── ServiceConflict     the name runs another spec, or is being taken down
├── ControllerUnavailable   Temporal, the worker or the balancer does not answer
├── StackError              the embedded stack could not be started or stopped
├── StorageError            the store could not be read or written
│   └── StorageUnavailable  for now: the disk is full, read-only or broken
├── ProbeImpossible         this computer has nothing left to ask a replica with
├── CloudError              a cloud refused or failed
│   ├── NoCapacity          nothing free of this type in this zone: try another zone
│   ├── QuotaExceeded       the account's limit in this region: try another region
│   ├── CredentialsError    the account cannot be used until somebody acts
│   └── InvalidRequest      the request can never succeed here
│       └── InvalidImage    whatever the type of machine: the region cannot use the image
└── RemoteError             a machine could not be reached or a command on it failed
    ├── ConnectionFailed    no SSH connection, or it was lost
    │   └── HostKeyMismatch another machine answers at the address
    ├── MachineGone         the cloud says that the machine no longer exists
    └── CommandFailed       a command ended with a non-zero exit status
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SkyflowError(Exception):
    """Base of all errors of skyflow: a message, and what to do about it."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(SkyflowError):
    """What was asked for cannot be done as asked; nothing was changed."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a service YAML."""

    message: str
    """What was found and what is allowed."""
    key: str = ""
    """Path of the key, such as `service.replicas`; empty for the file as a whole."""
    line: int | None = None
    """Line in the file, from 1."""
    column: int | None = None
    """Column in the line, from 1."""


class SpecError(UsageError):
    """A service YAML that is not valid, with every problem found in it."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__("\n".join(self._describe(problem) for problem in self.problems))

    def _describe(self, problem: Problem) -> str:
        numbers = [problem.line, problem.column] if problem.line is not None else []
        place = ":".join([self.source, *(str(n) for n in numbers if n is not None)])
        return f"{place}: {problem.key + ': ' if problem.key else ''}{problem.message}"


class ServiceNotFound(UsageError):
    """No service of that name is running."""


class ServiceConflict(UsageError):
    """The name is taken by a service with another spec, or by one that is being taken down."""


class ControllerUnavailable(SkyflowError):
    """Temporal, the worker or the balancer does not answer."""


class StackError(SkyflowError):
    """The embedded stack could not be started or stopped."""


class StorageError(SkyflowError):
    """The store could not be read or written."""


class StorageUnavailable(StorageError):
    """Files cannot be read or written for now; worth another try once the cause is mended."""


class ProbeImpossible(SkyflowError):
    """A replica could not be asked for want of files or ports here; it may well be ready."""


class CloudError(SkyflowError):
    """A cloud refused or failed; worth another try unless a subclass says otherwise."""

    made_nothing = False
    """Of a launch: whether it is certain that there is nothing to end."""


class NoCapacity(CloudError):
    """Nothing of this machine type is free in this zone now."""


class QuotaExceeded(CloudError):
    """The account's limit in this region does not allow the machine."""


class CredentialsError(CloudError):
    """The account cannot be used until somebody acts."""


class InvalidRequest(CloudError):
    """The request can never succeed on this cloud."""


class InvalidImage(InvalidRequest):
    """The image cannot be used in this region, whatever the type of machine."""


class RemoteError(SkyflowError):
    """A machine could not be reached, or a command on it failed."""


class ConnectionFailed(RemoteError):
    """There is no SSH connection to the machine, or it was lost."""


class HostKeyMismatch(ConnectionFailed):
    """The machine at this address is not the one that was started."""


class MachineGone(RemoteError):
    """The cloud says that the machine no longer exists, or is stopped."""


class CommandFailed(RemoteError):
    """A command on a machine ended with a non-zero exit status."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status
        """Exit status of the command; 128 + n when signal n ended it."""

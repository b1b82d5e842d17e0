"""Where the logs of a service come from: the store, and the controller if it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Self

from cli.connecting import reading
from cli.terminal import say
from skyflow.client import Skyflow
from skyflow.config import Settings
from skyflow.errors import ControllerUnavailable, ServiceNotFound, StackError
from skyflow.sdk.logs import ServiceLogs
from skyflow.state import Decision


@dataclass(frozen=True)
class LogSource:
    """The latest service of a name."""

    name: str
    incarnation: str
    settings: Settings
    skyflow: Skyflow | None
    """The controller; None if it does not answer, or nothing was ever deployed."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, name: str, *, needs_logs: bool) -> AsyncIterator[Self]:
        """Find a service as the controller knows it or, if it does not answer, by its logs.

        Args:
            name: The service.
            needs_logs: Whether one is of no use that is down and whose replicas left no logs.

        Raises:
            ServiceNotFound: There is no such service, or it is down and left no logs.

        """
        settings = Settings.from_environment()
        async with AsyncExitStack() as stack:
            skyflow = None
            try:
                skyflow = await stack.enter_async_context(reading())
                incarnation = await _incarnation(settings, skyflow, name, needs_logs)
            except (ControllerUnavailable, StackError):
                say("The controller does not answer: this is what the store has.")
                incarnation = await _incarnation(settings, None, name, needs_logs)
            yield cls(name, incarnation, settings, skyflow)

    @property
    def logs(self) -> ServiceLogs:
        """The logs of its replicas."""
        return ServiceLogs(self.settings)


async def _incarnation(
    settings: Settings, skyflow: Skyflow | None, name: str, needs_logs: bool
) -> str:
    """Return the latest service of the name: as Temporal knows it, or by the logs it left."""
    known = await skyflow.last_incarnation(name) if skyflow else None
    left = await ServiceLogs(settings).incarnations(name)
    if known is None and not left:
        raise ServiceNotFound(f"Service {name!r} not found, and there are no logs of it.")
    if needs_logs and skyflow and known not in left and await skyflow.find(name) is None:
        raise ServiceNotFound(f"Service {name!r} is down, and left no logs.")
    return known or left[-1]


def decision_line(decision: Decision) -> str:
    """Return a decision as a line of a log."""
    from cli.render.services import clock

    about = f" replica {decision.replica_id}" if decision.replica_id is not None else ""
    return f"{clock(decision.at)} {decision.kind}{about}: {decision.reason}"

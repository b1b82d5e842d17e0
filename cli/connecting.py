"""Reaching the controller: what each kind of command needs of the stack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cli.terminal import say
from skyflow.config import Settings
from skyflow.errors import ControllerUnavailable, ServiceNotFound

if TYPE_CHECKING:
    from skyflow.client import Skyflow


@asynccontextmanager
async def deploying(on_progress: Callable[[str], None]) -> AsyncIterator[Skyflow]:
    """Connect for a command that deploys: the stack is started if it does not run.

    Not if Temporal's own configuration names one that other workers serve.

    Args:
        on_progress: Told what is being waited for.

    Raises:
        StackError: It could not be started.
        ControllerUnavailable: Temporal does not answer.

    """
    from skyflow.client import Skyflow
    from skyflow.stack import ensure_stack
    from skyflow.temporal import served_elsewhere

    settings = Settings.from_environment()
    if not await served_elsewhere(settings):
        await ensure_stack(settings, on_progress)
    async with Skyflow.open(settings) as skyflow:
        yield skyflow


@asynccontextmanager
async def changing() -> AsyncIterator[Skyflow]:
    """Connect for a command that changes services: as `deploying`, if there can be any service.

    Raises:
        ServiceNotFound: Nothing has ever been started here.

    """
    if not _may_have_services(Settings.from_environment()):
        raise ServiceNotFound("there are no services here: nothing has ever been deployed")
    async with deploying(say) as skyflow:
        yield skyflow


@asynccontextmanager
async def reading() -> AsyncIterator[Skyflow | None]:
    """Connect for a command that only reads; None if there can be no services here.

    A stack whose supervisor was killed gets another one; one that was stopped stays stopped.

    Raises:
        ControllerUnavailable: The stack is stopped, or Temporal does not answer.

    """
    from skyflow.client import Skyflow

    settings = Settings.from_environment()
    if not _may_have_services(settings):
        yield None
        return
    await _revive(settings)
    async with Skyflow.open(settings) as skyflow:
        yield skyflow


def _may_have_services(settings: Settings) -> bool:
    from skyflow.stack_state import read_state
    from skyflow.temporal import external_address

    return external_address() is not None or read_state(settings) is not None


async def _revive(settings: Settings) -> None:
    from skyflow.stack import ensure_stack
    from skyflow.stack_state import StackPhase
    from skyflow.stack_status import stack_status
    from skyflow.temporal import external_address

    if external_address() is not None:
        return
    phase = stack_status(settings).phase
    if phase is StackPhase.LOST:
        await ensure_stack(settings)
    elif phase is not StackPhase.RUNNING:
        raise ControllerUnavailable(
            "the stack is stopped; services that were not taken down still have their replicas",
            "`skyflow stack up` starts it, and they go on where they were",
        )

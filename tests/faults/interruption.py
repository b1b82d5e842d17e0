"""A cloud says that it will take a machine away, and does so a while later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from skyflow.clouds.fake import FakeCloud
from skyflow.spec import load_task
from skyflow.state import ReplicaPhase, ReplicaRecord
from tests.faults.fake_stack import FakeStack
from tests.faults.prober import Failure, Prober
from tests.faults.service import Service
from tests.faults.stack import write_service
from tests.waiting import eventually

NOTICE_SECONDS = 120.0
"""As on AWS."""
_END_SECONDS = 60.0


@dataclass(frozen=True)
class Interruption:
    """What came of it."""

    failures: Sequence[Failure]
    """Requests that were not answered well."""
    answers: int
    ended: ReplicaRecord
    """The replica whose machine was to be taken away, at its end."""


async def interrupted(stack: FakeStack) -> Interruption:
    """Announce the end of one of two machines while requests are in flight at both."""
    assert isinstance(stack.cloud, FakeCloud)
    spot = {"cloud": stack.cloud.name, "use_spot": True}
    path = write_service(stack.home / "spot.yaml", stack.cloud.name, resources=spot)
    task = await asyncio.to_thread(load_task, path)
    service = Service(stack, "interrupted")
    await service.command(lambda sdk: sdk.up(task, service.name))
    await service.until_back()
    endpoints = await service.endpoints()
    assert endpoints
    prober = Prober(stack.bind, endpoints.port)
    prober.start()
    victim, _ = await service.ready()
    in_flight = [asyncio.create_task(prober.ask_slowly()) for _ in range(2)]
    await stack.cloud.preempt(victim.nodes[0].name, NOTICE_SECONDS)
    await service.until_back(without=victim.replica_id)
    await asyncio.gather(*in_flight)
    await prober.stop()

    async def ended() -> ReplicaRecord | None:
        view = await stack.sdk.find(service.name)
        replicas = view.status.replicas if view else ()
        return next((r for r in replicas if r.replica_id == victim.replica_id and _over(r)), None)

    record = await eventually(ended, _END_SECONDS, "the replica has ended")
    await service.command(lambda sdk: sdk.down(service.name))
    assert record
    return Interruption(prober.failures, len(prober.answers), record)


def _over(record: ReplicaRecord) -> bool:
    return record.phase in (ReplicaPhase.PREEMPTED, ReplicaPhase.TERMINATED)

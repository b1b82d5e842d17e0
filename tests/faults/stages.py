"""What is done in each stage of a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

from skyflow.errors import ServiceNotFound
from skyflow.naming import INSTALLATION_WORKFLOW_ID
from skyflow.spec import load_task
from tests.faults.points import Stage
from tests.faults.prober import Prober
from tests.faults.scenario import Loss
from tests.faults.service import BACK_SECONDS, GONE_SECONDS, LOOK_SECONDS, Service, until


class Stages:
    """The stages of one run."""

    def __init__(self, service: Service, loss: Loss) -> None:
        self.prober = Prober(service.stack.bind, 0)
        """Asks from the end of the deployment to the beginning of the end."""
        self._service = service
        self._loss = loss
        self._stages: Mapping[Stage, Callable[[], Awaitable[None]]] = {
            Stage.DEPLOY: self._deploy,
            Stage.REPLACE: self._replace,
            Stage.SCALE: self._scale,
            Stage.CHECKPOINT: self._checkpoint,
            Stage.REAP: self._reap,
            Stage.DOWN: self._down,
            Stage.ABANDON: self._abandon,
        }

    async def carry_out(self, stage: Stage) -> None:
        """Do what belongs to a stage, up to its end in good order."""
        await self._stages[stage]()

    async def _deploy(self) -> None:
        service = self._service
        task = await asyncio.to_thread(load_task, service.stack.home / "service.yaml")
        await service.command(lambda sdk: sdk.up(task, service.name))
        await service.until_back()
        endpoints = await service.endpoints()
        assert endpoints
        service.incarnation = endpoints.incarnation
        self.prober = Prober(service.stack.bind, endpoints.port)
        self.prober.start()

    async def _replace(self) -> None:
        service = self._service
        victim = service.stack.chance.choice(await service.ready())
        name = victim.nodes[0].name
        if self._loss is Loss.SERVER:
            await service.stack.lose_server(name)
        else:
            await service.stack.lose_machine(name)
        await service.until_back(without=victim.replica_id)

    async def _scale(self) -> None:
        service = self._service
        before = await service.load_watch()
        await service.command(lambda sdk: sdk.scale(service.name, 3))
        await service.until_back(3)
        async with self._slow_requests(3):
            await service.command(lambda sdk: sdk.scale(service.name, 2))
            await service.until_back()
        await service.command(lambda sdk: sdk.scale(service.name, None))
        await service.until_load_is_watched(before)

    async def _checkpoint(self) -> None:
        service = self._service
        names = [INSTALLATION_WORKFLOW_ID, service.workflow_id]
        names += [service.replica_workflow_id(record) for record in await service.ready()]
        before = await service.load_watch()
        await asyncio.gather(*(service.continue_as_new(name) for name in names))
        await service.until_load_is_watched(before)

    async def _reap(self) -> None:
        service = self._service
        # A service hears of the end of the children that its own run has started.
        await service.continue_as_new(service.workflow_id)
        victim = service.stack.chance.choice(await service.ready())
        await service.terminate(service.replica_workflow_id(victim))
        await service.run_reaper()
        await service.until_back(without=victim.replica_id)

    async def _down(self) -> None:
        service = self._service
        async with self._slow_requests(2):
            await self.prober.stop()
            with suppress(ServiceNotFound):
                async with asyncio.timeout(BACK_SECONDS):
                    await service.command(lambda sdk: sdk.down(service.name))
            assert await service.ended_as() == "COMPLETED"

    async def _abandon(self) -> None:
        """Terminate the service; an hour later nothing is to be left of it."""
        service = self._service

        async def all_gone() -> bool:
            await service.run_reaper()
            return not await service.left()

        async with self._slow_requests(2):
            await self.prober.stop()
            await service.terminate(service.workflow_id)
            service.age_files()
            what = "nothing is left of a service that was terminated"
            await until(all_gone, what, GONE_SECONDS)

    @asynccontextmanager
    async def _slow_requests(self, count: int) -> AsyncIterator[None]:
        """Have requests in flight that are to be answered, whatever is stopped meanwhile."""
        slow = [asyncio.create_task(self.prober.ask_slowly()) for _ in range(count)]
        await asyncio.sleep(LOOK_SECONDS)
        try:
            yield
        finally:
            await asyncio.gather(*slow)

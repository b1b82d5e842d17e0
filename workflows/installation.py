"""The workflow of an installation: the few facts that its services share."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from skyflow.contracts import (
        BalancerRegistration,
        Balancers,
        InstallationState,
        Message,
        Slot,
        SlotRelease,
        SlotRequest,
        WorkflowName,
    )
    from skyflow.naming import service_workflow_id
    from workflows.calls import tell

FIRST_PORT = 30001
LAST_PORT = 32767
"""Endpoint ports are given out from SkyServe's first one, below Linux's ephemeral ports."""


@workflow.defn(name=WorkflowName.INSTALLATION)
class InstallationWorkflow:
    """Gives out endpoint ports and knows the balancers."""

    @workflow.init
    def __init__(self, state: InstallationState | None = None) -> None:
        """Begin empty, or go on with the state that was carried over."""
        self._state = state or InstallationState()
        self._checkpoint = False
        self._announced = len(self._state.balancers)

    @workflow.run
    async def run(self, state: InstallationState | None = None) -> None:
        """Run for as long as the installation exists; what it knows is in its messages."""
        while True:
            try:
                await workflow.wait_condition(lambda: self._has_news() or self._wants_checkpoint())
                await self._announce()
            except asyncio.CancelledError:
                workflow.logger.warning("an installation cannot be cancelled; it goes on")
                continue
            if self._wants_checkpoint() and not self._has_news():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self._state)

    @workflow.update(name=Message.RESERVE)
    def reserve(self, request: SlotRequest) -> Slot:
        """Return the endpoint port of a service: the one it has or uses, or the first free one."""
        held = self._state.slots.get(request.service)
        if held and held[0] == request.incarnation and held[1] not in request.refused_ports:
            return self._slot(held[1])
        taken = {port for name, (_, port) in self._state.slots.items() if name != request.service}
        unusable = taken.union(request.refused_ports)
        used = () if request.port is None else (request.port,)
        for port in (*used, *range(FIRST_PORT, LAST_PORT + 1)):
            if port not in unusable:
                self._state.slots[request.service] = (request.incarnation, port)
                return self._slot(port)
        raise ApplicationError(f"every port from {FIRST_PORT} to {LAST_PORT} is taken or refused")

    @workflow.update(name=Message.RELEASE)
    def release(self, request: SlotRelease) -> bool:
        """Take back a service's port; return whether that incarnation held one."""
        held = self._state.slots.get(request.service)
        if held is None or held[0] != request.incarnation:
            return False
        del self._state.slots[request.service]
        return True

    @workflow.update(name=Message.REGISTER_BALANCER)
    def register_balancer(self, registration: BalancerRegistration) -> Balancers:
        """Note a balancer and where it is asked, so that every service publishes to it."""
        if registration.balancer not in self._state.balancers:
            self._state.balancers = sorted([*self._state.balancers, registration.balancer])
        if registration.admin:
            self._state.admins[registration.balancer] = registration.admin
        return Balancers(ids=tuple(self._state.balancers))

    @workflow.signal(name=Message.CHECKPOINT)
    def checkpoint(self) -> None:
        """Continue as new at the next quiet moment."""
        self._checkpoint = True

    @workflow.query(name=Message.SLOTS)
    def slots(self) -> InstallationState:
        """Return services with their ports, and the balancers."""
        return self._state

    def _slot(self, port: int) -> Slot:
        return Slot(port=port, balancers=tuple(self._state.balancers))

    def _has_news(self) -> bool:
        return self._announced != len(self._state.balancers)

    def _wants_checkpoint(self) -> bool:
        return self._checkpoint or workflow.info().is_continue_as_new_suggested()

    async def _announce(self) -> None:
        """Tell every service which balancers there are now."""
        if not self._has_news():
            return
        balancers = Balancers(ids=tuple(self._state.balancers))
        for service in sorted(self._state.slots):
            await tell(service_workflow_id(service), Message.BALANCERS_CHANGED, balancers)
        self._announced = len(balancers.ids)

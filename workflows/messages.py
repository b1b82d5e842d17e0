"""Signals that anybody may send by hand: what does not fit must not hold up a workflow."""

from __future__ import annotations

import inspect

from temporalio import workflow
from temporalio.worker import (
    HandleSignalInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)


class DropUnfitSignals(Interceptor):
    """Ignores a signal with too many or too few arguments.

    Calling its handler would fail, and with it the workflow task that takes the signal in: at
    every attempt anew, so that the workflow would never do anything again.
    """

    def workflow_interceptor_class(
        self, _: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """Return what looks at the signals of one workflow."""
        return _SignalCheck


class _SignalCheck(WorkflowInboundInterceptor):
    async def handle_signal(self, received: HandleSignalInput) -> None:
        handler = workflow.get_signal_handler(received.signal)
        try:
            inspect.signature(handler or (lambda *_: None)).bind(*received.args)
        except TypeError as error:
            workflow.logger.warning("signal %s is ignored: %s", received.signal, error)
            return
        await super().handle_signal(received)

"""Runs inside the processes under test: says which point is reached, and waits until told to go on.

Whoever listens on the socket may kill or freeze any process before it answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from typing import Any, NoReturn

from temporalio import activity, client, worker, workflow

from tests.faults.points import Moment


def install(path: str) -> None:
    """Let every client of this process, and so its workers, stop at points.

    Args:
        path: Unix socket of whoever is told.

    """
    connect = client.Client.connect

    async def connect_with_points(*arguments: Any, **options: Any) -> client.Client:
        interceptors = [*options.pop("interceptors", ()), _Interceptor(path)]
        return await connect(*arguments, interceptors=interceptors, **options)

    setattr(client.Client, "connect", staticmethod(connect_with_points))  # noqa: B010


class _Interceptor(client.Interceptor, worker.Interceptor):
    """Temporal's workers take over those interceptors of their client that fit them."""

    def __init__(self, path: str) -> None:
        self._path = path

    def intercept_activity(
        self,
        next: worker.ActivityInboundInterceptor,  # noqa: A002
    ) -> worker.ActivityInboundInterceptor:
        return _Activities(next, self._path)

    def workflow_interceptor_class(
        self,
        input: worker.WorkflowInterceptorClassInput,  # noqa: A002
    ) -> type[worker.WorkflowInboundInterceptor]:
        path = self._path

        class Outbound(worker.WorkflowOutboundInterceptor):
            def continue_as_new(self, input: worker.ContinueAsNewInput) -> NoReturn:  # noqa: A002
                if not workflow.unsafe.is_replaying():
                    _reach_blocking(path, f"{workflow.info().workflow_type}/{Moment.CONTINUE}")
                self.next.continue_as_new(input)

        class Inbound(worker.WorkflowInboundInterceptor):
            def init(self, outbound: worker.WorkflowOutboundInterceptor) -> None:
                super().init(Outbound(outbound))

        return Inbound


class _Activities(worker.ActivityInboundInterceptor):
    def __init__(self, inner: worker.ActivityInboundInterceptor, path: str) -> None:
        super().__init__(inner)
        self._path = path

    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:  # noqa: A002
        name = activity.info().activity_type
        await _reach(self._path, f"{name}/{Moment.BEFORE}")
        result = await super().execute_activity(input)
        await _reach(self._path, f"{name}/{Moment.AFTER}")
        return result


async def _reach(path: str, point: str) -> None:
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError:  # the run is over
        return
    writer.write(_said(point))
    await reader.read(1)
    writer.close()


def _reach_blocking(path: str, point: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return
        connection.sendall(_said(point))
        connection.recv(1)


def _said(point: str) -> bytes:
    return json.dumps({"point": point, "pid": os.getpid()}).encode() + b"\n"

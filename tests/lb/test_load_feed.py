"""One worker's view of the load at all balancers, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from temporalio.client import Client

from lb.control.admin import admin_application
from lb.control.totals import Totals
from skyflow.load import LoadReport, ProcessLoad, ServiceLoad
from skyflow.state import QueueLimits
from skyflow.watching import balancer_load, load_feed, load_views
from skyflow.watching.balancer_load import BalancerNonsense, BalancerSilent, read_load
from skyflow.watching.balancers import known_admins
from skyflow.watching.load_feed import LoadFeed, Subscription
from skyflow.watching.load_views import LoadView
from tests.lb.control_plane import control_process
from tests.lb.plane import Plane, Served, free_port
from tests.lb.wire import ask, get, replica
from tests.waiting import eventually

SOON = 20.0
"""Seconds within which something must have happened that should at once."""


class Balancer:
    """A balancer that answers what it is told to, and counts how often it was asked."""

    def __init__(self, port: int) -> None:
        self.admin = f"http://127.0.0.1:{port}"
        self.asked: list[dict[str, str]] = []
        self.status, self.body = 200, ""
        self.load = ServiceLoad(service="demo", incarnation="i1", ready_replicas=1)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        process = ProcessLoad(process=self.admin, sequence=len(self.asked), services=(self.load,))
        text = self.body or LoadReport(processes=(process,)).model_dump_json()
        return web.Response(text=text, status=self.status)


@asynccontextmanager
async def balancer(port: int | None = None) -> AsyncIterator[Balancer]:
    port = port or free_port()
    running = Balancer(port)
    application = web.Application()
    application.add_routes([web.get("/load", running.answer)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        yield running
    finally:
        await runner.cleanup()


@asynccontextmanager
async def balancers_of(plane: Plane, number: int) -> AsyncIterator[dict[str, str]]:
    """Give the admin ports of so many balancers before the same data plane."""
    async with AsyncExitStack() as stack:
        admins = {}
        for each in range(number):
            totals = Totals(plane.home / f"counters{each}.json")
            runner = web.AppRunner(admin_application(plane.api, totals, None), access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            admins[f"b{each}"] = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield admins


def feed(**admins: str) -> LoadFeed:
    async def where() -> dict[str, str]:
        return admins

    return LoadFeed(where)


async def view_with(subscription: Subscription, complete: bool = True) -> LoadView:
    async with asyncio.timeout(SOON):
        async for view in subscription:
            if view.complete is complete:
                return view
    raise AssertionError


async def test_a_report_is_read_and_nothing_new_is_waited_for(plane: Plane) -> None:
    served = await plane.serve()
    async with balancers_of(plane, 1) as admins, aiohttp.ClientSession() as session:
        report = await read_load(session, admins["b0"])
        assert report.processes
        waiting = asyncio.create_task(read_load(session, admins["b0"], report.cursor, 50))
        await ask(served.port, get())
        async with asyncio.timeout(SOON):
            after = await waiting
    assert total(served, after).arrived == 1


def total(served: Served, report: LoadReport) -> ServiceLoad:
    return report.total(served.endpoints.service, served.endpoints.incarnation)


async def test_nobody_at_the_address_is_silence() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(BalancerSilent, match="does not answer"):
            await read_load(session, f"http://127.0.0.1:{free_port()}")


async def test_an_answer_that_does_not_come_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balancer_load, "ANSWER_SECONDS", 0.1)

    async def says_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with replica(says_nothing) as found, aiohttp.ClientSession() as session:
        with pytest.raises(BalancerSilent, match=r"within 0\.2 s"):
            await read_load(session, found.url, wait=0.1)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, "not here"), (200, "<html>"), (200, '{"processes": [{"process": 1}]}')],
)
async def test_another_answer_is_nonsense(status: int, body: str) -> None:
    async with balancer() as found, aiohttp.ClientSession() as session:
        found.status, found.body = status, body
        with pytest.raises(BalancerNonsense, match=str(found.admin)):
            await read_load(session, found.admin)


async def test_a_balancer_without_a_data_plane_is_silent() -> None:
    async with balancer() as found, aiohttp.ClientSession() as session:
        found.status, found.body = 503, "no data plane"
        with pytest.raises(BalancerSilent, match="no data plane"):
            await read_load(session, found.admin)


async def test_many_subscriptions_share_one_question() -> None:
    async with balancer() as found, AsyncExitStack() as stack:
        shared = feed(main=found.admin)
        subscriptions = [
            await stack.enter_async_context(shared.subscribe("demo", "i1")) for _ in range(50)
        ]
        views = await asyncio.gather(*(view_with(each) for each in subscriptions))
        assert {view.report.total("demo", "i1").ready_replicas for view in views} == {1}
        assert len(found.asked) < 10


async def test_nothing_is_asked_before_the_first_subscription_and_after_the_last() -> None:
    async with balancer() as found:
        shared = feed(main=found.admin)
        for _ in range(2):
            before = len(found.asked)
            async with shared.subscribe("demo", "i1") as one:
                async with shared.subscribe("demo", "i1"):
                    pass
                await view_with(one)
            assert len(found.asked) > before
            assert shared._running is None
            assert not [task for task in asyncio.all_tasks() if "_follow" in repr(task)]


async def test_views_come_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_feed, "_INTERVAL_SECONDS", 0.0)
    async with balancer() as found, feed(main=found.admin).subscribe("demo", "i1") as one:
        async with asyncio.timeout(SOON):
            times = [(await one.next()).at for _ in range(3)]
        assert times == sorted(set(times))
        assert found.asked[-1]["after"] == f"{found.admin}:0"


def never_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no view come but the first one and those that are urgent."""
    for name in ("_INTERVAL_SECONDS", "_PATIENCE_SECONDS", "WAIT_SECONDS"):
        monkeypatch.setattr(load_feed, name, 50.0)


async def test_a_request_at_zero_is_seen_before_the_next_view_is_due(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_due(monkeypatch)
    served = await plane.serve(queue=QueueLimits(max_requests=5, max_wait_seconds=50))
    name = (served.endpoints.service, served.endpoints.incarnation)
    async with balancers_of(plane, 1) as admins, feed(**admins).subscribe(*name) as one:
        await view_with(one)
        waiting = asyncio.create_task(ask(served.port, get()))
        async with asyncio.timeout(SOON):
            view = await one.next()
        assert total(served, view.report).queued == 1
        await served.change(removed=True)
        await waiting


async def test_requests_at_another_service_are_no_reason_for_a_view(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_due(monkeypatch)
    one, other = await plane.serve(), await plane.serve()
    names = [(each.endpoints.service, each.endpoints.incarnation) for each in (one, other)]
    async with (
        balancers_of(plane, 1) as admins,
        AsyncExitStack() as stack,
    ):
        shared = feed(**admins)
        first, second = [await stack.enter_async_context(shared.subscribe(*name)) for name in names]
        await view_with(first)
        await view_with(second)
        nothing = asyncio.create_task(first.next())
        await ask(other.port, get())
        async with asyncio.timeout(SOON):
            await second.next()
        assert not nothing.done()
        nothing.cancel()


async def test_a_balancer_that_does_not_answer_makes_views_incomplete() -> None:
    port = free_port()
    async with (
        balancer() as well,
        feed(a=well.admin, b=f"http://127.0.0.1:{port}").subscribe("demo", "i1") as one,
    ):
        assert (await view_with(one, complete=False)).silent == ("b",)
        async with balancer(port):
            assert not (await view_with(one)).silent
        assert (await view_with(one, complete=False)).silent == ("b",)


async def test_one_that_keeps_failing_is_left_out_of_views(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_views, "LEFT_OUT_SECONDS", 0.1)
    port = free_port()
    async with (
        balancer() as well,
        feed(a=well.admin, b=f"http://127.0.0.1:{port}").subscribe("demo", "i1") as one,
    ):

        async def has(processes: int) -> bool:
            return len((await view_with(one)).report.processes) == processes

        async with balancer(port):
            await eventually(lambda: has(2))
        await eventually(lambda: has(1))


async def test_without_any_balancer_views_come_and_are_incomplete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_feed, "_PATIENCE_SECONDS", 0.1)

    async def away() -> dict[str, str]:
        raise ConnectionError("Temporal is away")

    async with LoadFeed(away).subscribe("demo", "i1") as one:
        for _ in range(2):
            assert not (await view_with(one, complete=False)).report.processes


async def test_a_balancer_that_moved_is_found_also_after_temporal_was_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_feed, "_ADMINS_SOON_SECONDS", 0.1)
    admins: dict[str, str] = {}
    away = False

    async def where() -> dict[str, str]:
        if away:
            raise ConnectionError("Temporal is away")
        return dict(admins)

    async with LoadFeed(where).subscribe("demo", "i1") as one:
        async with balancer() as first:
            admins["main"] = first.admin
            # The last known addresses hold while nobody can tell.
            await view_with(one)
            away = True
            await view_with(one)
        async with balancer() as second:
            admins["main"] = second.admin
            await view_with(one, complete=False)
            assert not second.asked
            away = False
            view = await view_with(one)
            assert [each.process for each in view.report.processes] == [second.admin]


async def test_a_balancer_is_found_through_the_installation(temporal: Client, plane: Plane) -> None:
    served = await plane.serve()
    name = (served.endpoints.service, served.endpoints.incarnation)
    async with control_process(temporal, plane.api, plane.home) as control:

        async def is_known() -> bool:
            return bool((await known_admins(temporal)).get(control.balancer))

        await eventually(is_known)

        async def where() -> dict[str, str]:
            # Those of other tests are gone and stay known.
            known = await known_admins(temporal)
            return {control.balancer: known[control.balancer]}

        async with LoadFeed(where).subscribe(*name) as one:
            view = await view_with(one)
            assert total(served, view.report).service == served.endpoints.service

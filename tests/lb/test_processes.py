"""Several processes of the data plane behind one port."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest

from lb.control.data_plane import DataPlane
from lb.data import holder
from lb.data.sockets import OwnSockets
from lb.files import control_sockets
from skyflow.config import Settings
from skyflow.state import QueueLimits
from tests.lb.plane import Served, endpoint_set, process
from tests.lb.test_endpoint_sets import Slow, named
from tests.lb.test_handover import eventually_lives, lives
from tests.lb.test_queue import Busy
from tests.lb.wire import ask, connection, content, get, replica, status
from tests.processes import words_of
from tests.waiting import eventually

TWO = ("data", "--processes", "2")


class Group:
    """A running data plane of two processes."""

    def __init__(self, home: Path, holder: subprocess.Popen[bytes], api: DataPlane) -> None:
        self.home = home
        self.holder = holder
        self.api = api

    async def serve(self, *urls: str) -> Served:
        return Served(self.api, self.home, await self.api.apply(endpoint_set(*urls)))

    def members(self) -> list[psutil.Process]:
        found = psutil.Process(self.holder.pid).children()
        return [each for each in found if "--held" in words_of(each)]

    async def loses_one(self) -> psutil.Process:
        victim = self.members()[0]
        before = await lives(self.api)
        victim.send_signal(signal.SIGKILL)

        async def back() -> bool:
            now = await lives(self.api)
            return len(now) == 2 and now != before

        await eventually(back, what="the killed process is back")
        return victim


@pytest.fixture
async def group(home: Path) -> AsyncIterator[Group]:
    with process(home, *TWO) as holder:
        async with DataPlane(Settings(home=home)) as api:
            await eventually_lives(api, TWO)
            yield Group(home, holder, api)
        holder.terminate()
        await asyncio.to_thread(holder.wait, 20)


async def test_connections_are_spread_over_all_processes(group: Group) -> None:
    async with replica(named(b"x")) as upstream, AsyncExitStack() as stack:
        served = await group.serve(upstream.url)
        for _ in range(60):
            await stack.enter_async_context(connection(served.port))

        def counts() -> list[int]:
            return [
                sum(each.laddr.port == served.port for each in member.net_connections("tcp"))
                for member in group.members()
            ]

        await eventually(lambda: sum(counts()) >= 60)
        assert min(counts()) >= 12, counts()


async def test_counters_of_all_processes_are_told_as_one(group: Group) -> None:
    async with replica(named(b"x")) as upstream:
        served = await group.serve(upstream.url)
        for _ in range(40):
            await ask(served.port, get())
        counters = await served.replica()
        assert (counters.requests, counters.codes) == (40, {"200": 40})


async def test_a_limit_holds_for_all_processes_together(group: Group) -> None:
    busy = Busy()
    async with replica(busy) as upstream:
        served = await group.serve(upstream.url)
        queue = QueueLimits(max_requests=100, max_wait_seconds=60)
        await served.change(max_concurrency=2, queue=queue)
        asked = [asyncio.create_task(ask(served.port, get())) for _ in range(30)]
        await eventually(lambda: busy.running == 2, what="each process has sent one")
        busy.finish(len(asked))
        assert {status(answer) for answer in await asyncio.gather(*asked)} == {200}
        assert busy.most == 2


async def test_a_process_that_hangs_is_killed_and_started_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, "HANGING_SECONDS", 0.1)
    holding = holder.Holder(
        OwnSockets("127.0.0.1", count=2), 2, {**os.environ, "SKYFLOW_HOME": str(home)}
    )
    (home / "balancer").mkdir()
    holding.begin()
    await holding.start()
    try:
        async with DataPlane(Settings(home=home)) as api:
            await eventually_lives(api, TWO)
            before = await lives(api)
            frozen = next(
                each for each in psutil.Process().children() if "--held" in words_of(each)
            )
            frozen.send_signal(signal.SIGSTOP)
            await eventually(lambda: not frozen.is_running(), seconds=10)

            async def another() -> bool:
                now = await lives(api)
                return len(now) == 2 and now != before

            await eventually(another, what="another one answers")
    finally:
        await holding.stop()


async def test_a_killed_process_refuses_no_connection(group: Group) -> None:
    async with replica(named(b"x")) as upstream:
        served = await group.serve(upstream.url)
        await group.loses_one()
        gone = group.members()[0]
        gone.send_signal(signal.SIGKILL)
        answers = await asyncio.gather(*(ask(served.port, get()) for _ in range(40)))
        # Only what a process had accepted can be lost with it, and this one had nothing.
        assert {content(answer) for answer in answers} == {b"x"}


async def test_a_process_that_comes_back_serves_the_newest_set(group: Group) -> None:
    async with replica(named(b"x")) as first, replica(named(b"y")) as second:
        served = await group.serve(first.url)
        await group.loses_one()
        await served.change(
            endpoints=endpoint_set(second.url).endpoints,
        )
        await group.loses_one()
        answers = [content(await ask(served.port, get())) for _ in range(20)]
        assert set(answers) == {b"y"}


async def test_a_port_that_a_stranger_shares_is_not_listened_on(group: Group) -> None:
    wanted = endpoint_set()
    stranger = OwnSockets("127.0.0.1", count=2)
    for each in await stranger.open(wanted.port):
        each.listen()
    with pytest.raises(Exception, match="cannot be listened on"):
        await group.api.apply(wanted)
    stranger.let_go()
    await group.api.apply(wanted)


async def test_a_removed_service_frees_its_port(group: Group) -> None:
    served = await group.serve("http://127.0.0.1:1")
    assert status(await ask(served.port, get())) == 503
    await served.change(removed=True)

    async def refused() -> bool:
        try:
            await ask(served.port, get())
        except ConnectionError:
            return True
        return False

    await eventually(refused)


async def test_asked_to_end_all_processes_finish_what_they_have(group: Group) -> None:
    slow = Slow()
    async with replica(slow) as upstream:
        served = await group.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get(close=False))
            await reader.readuntil(b"\r\nabc")
            members = group.members()
            group.holder.terminate()
            await eventually(lambda: any(not each.is_running() for each in members))
            slow.finish.set()
            assert await reader.readexactly(3) == b"def"
            assert await asyncio.to_thread(group.holder.wait, 20) == 0
        assert not any(each.is_running() for each in members)


async def test_a_killed_holder_takes_its_processes_along_but_not_their_streams(
    group: Group,
) -> None:
    slow = Slow()
    async with replica(slow) as upstream:
        served = await group.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get(close=False))
            await reader.readuntil(b"\r\nabc")
            members = group.members()
            before = await lives(group.api)
            group.holder.send_signal(signal.SIGKILL)
            await asyncio.to_thread(group.holder.wait)
            with process(group.home, *TWO) as next_holder:
                # The processes of the earlier one answer until they notice that it is gone.
                await eventually_lives(group.api, TWO, before)

                async def listening() -> bool:
                    return (await served.counters()).listening

                await eventually(listening)
                slow.finish.set()
                assert await reader.readexactly(3) == b"def"
                assert b"abcdef" in await ask(served.port, get())
                await eventually(lambda: not any(each.is_running() for each in members))
                next_holder.terminate()
                await asyncio.to_thread(next_holder.wait, 20)


async def test_control_sockets_of_fewer_processes_are_no_more_than_they(home: Path) -> None:
    async with DataPlane(Settings(home=home)) as api:
        for kind in (TWO, ("data",)):
            with process(home, *kind) as running:
                await eventually_lives(api, kind)
                running.send_signal(signal.SIGKILL if kind == TWO else signal.SIGTERM)
                await asyncio.to_thread(running.wait, 20)
            await eventually(lambda: not control_sockets(Settings(home=home))[1:])


async def test_one_process_of_a_group_writes_the_files(group: Group) -> None:
    async with replica(named(b"x")) as upstream:
        served = await group.serve(upstream.url)
        for _ in range(20):
            await ask(served.port, get("/path"))
        lines = await served.log_lines(20)
        assert all(re.search(r"GET /path 200 1 replica=1", line) for line in lines)
        assert len(list((group.home / "balancer" / "endpoints").iterdir())) == 1

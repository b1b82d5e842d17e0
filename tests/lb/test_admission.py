"""The queue by itself; test_queue.py has it with real requests."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection

import pytest

from lb.data import admission
from lb.data.admission import Admission, Ticket
from lb.data.answers import Answer, all_busy, nothing_ready
from lb.data.endpoints import Endpoint, QueueLimits
from lb.data.replicas import Replica
from tests.waiting import eventually

FIRST, SECOND = (Replica(Endpoint(number, f"http://127.0.0.1:{number}")) for number in (1, 2))


class Gate:
    """Room for so many requests, and a queue in front of it."""

    def __init__(
        self,
        max_requests: int = 10,
        max_wait_seconds: float = 60,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.room = {FIRST: 0, SECOND: 0}
        self.queue = Admission(self.has_room, self.refusal, clock)
        self.queue.bound(QueueLimits(max_requests, max_wait_seconds))
        self.gone_on: list[str] = []
        self.answers: list[Answer] = []

    def has_room(self, tried: Collection[Replica]) -> bool:
        return any(self.room[replica] for replica in self.room if replica not in tried)

    def refusal(self, seconds: float | None) -> Answer:
        return all_busy("demo", 77 if seconds is None else math.ceil(seconds))

    def enter(self, name: str, size: int = 0, tried: Collection[Replica] = ()) -> Ticket | Answer:
        def resume(answer: Answer | None) -> None:
            if answer:
                self.answers.append(answer)
                return
            free = next(r for r, room in self.room.items() if room and r not in tried)
            self.room[free] -= 1
            self.gone_on.append(name)

        return self.queue.enter(size, resume, tried)

    def free(self, replica: Replica, places: int = 1) -> None:
        self.room[replica] += places
        self.queue.freed()


def seated(found: Ticket | Answer) -> Ticket:
    assert isinstance(found, Ticket)
    return found


async def test_first_come_first_served() -> None:
    gate = Gate()
    for name in "abcd":
        gate.enter(name)
    gate.free(FIRST)
    assert gate.gone_on == ["a"]
    gate.free(FIRST, 2)
    assert (gate.gone_on, len(gate.queue)) == (["a", "b", "c"], 1)


async def test_no_more_wait_than_may_in_number_or_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "BYTES_LIMIT", 100)
    gate = Gate(max_requests=3)
    seated(gate.enter("a", size=90))
    assert isinstance(gate.enter("b", size=11), Answer)
    seated(gate.enter("c", size=10))
    seated(gate.enter("d"))
    assert isinstance(gate.enter("e"), Answer)
    gate.free(FIRST)
    assert gate.queue.bytes == 10
    seated(gate.enter("f", size=90))


async def test_nobody_waits_without_a_queue() -> None:
    gate = Gate()
    gate.queue.bound(None)
    assert isinstance(gate.enter("a"), Answer)


async def test_who_leaves_frees_the_place_and_is_never_called() -> None:
    gate = Gate(max_requests=2)
    first, _ = seated(gate.enter("a", size=5)), gate.enter("b", size=7)
    for _ in range(2):
        first.leave()
        assert (len(gate.queue), gate.queue.bytes) == (1, 7)
    seated(gate.enter("c"))
    gate.free(FIRST, 3)
    first.leave()
    assert gate.gone_on == ["b", "c"]


async def test_each_waits_no_longer_than_allowed() -> None:
    gate = Gate(max_wait_seconds=0.05)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for name in "abc":
        gate.enter(name)
        await asyncio.sleep(0.01)
    await eventually(lambda: len(gate.answers) == 3)
    assert loop.time() - begin >= 0.05
    assert (len(gate.queue), gate.gone_on) == (0, [])


async def test_a_shorter_wait_holds_for_those_that_wait_already() -> None:
    gate = Gate(max_wait_seconds=3600)
    gate.enter("a")
    gate.queue.bound(QueueLimits(10, 0.01))
    await eventually(lambda: gate.answers)


async def test_a_free_place_goes_to_the_first_that_can_use_it() -> None:
    gate = Gate()
    gate.enter("was at the first", tried=[FIRST])
    gate.enter("new")
    gate.free(FIRST)
    assert gate.gone_on == ["new"]
    gate.free(SECOND)
    assert gate.gone_on == ["new", "was at the first"]


async def test_requests_that_end_at_once_let_all_others_go_on() -> None:
    gate = Gate(max_requests=5000)
    for number in range(5000):

        def resume(answer: Answer | None, number: int = number) -> None:
            gate.gone_on.append(str(number))
            gate.queue.freed()

        gate.queue.enter(0, resume)
    gate.free(FIRST)
    assert gate.gone_on == [str(number) for number in range(5000)]


async def test_clients_are_told_when_those_before_them_will_have_gone_on() -> None:
    times = [0.0]
    gate = Gate(max_requests=0, clock=lambda: times[-1])
    refused = gate.enter("a")
    assert isinstance(refused, Answer)
    assert refused.retry_after == 77
    for second in (1.0, 3.0, 5.0):
        times.append(second)
        gate.free(FIRST)
    gate.queue.bound(QueueLimits(4, 1e6))
    for name in "abcd":
        seated(gate.enter(name))
    refused = gate.enter("e")
    assert isinstance(refused, Answer)
    assert refused.retry_after == 10


async def test_all_are_answered_when_the_service_is_gone() -> None:
    gate = Gate()
    for name in "ab":
        gate.enter(name)
    gate.queue.close(nothing_ready("demo"))
    assert [answer.status for answer in gate.answers] == [503, 503]
    assert len(gate.queue) == 0

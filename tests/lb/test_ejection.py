"""Replicas passed over because of what came of their requests."""

from __future__ import annotations

import re

import pytest

from lb.data import ejection
from lb.data.ejection import FAILURES, Ejections
from lb.data.endpoints import Endpoint
from lb.data.replicas import Replica
from tests.waiting import eventually


class Passed:
    """Ejections, and who came back from them."""

    def __init__(self) -> None:
        self.returned: list[Replica] = []
        self.ejections = Ejections("demo", self.returned.append)

    def fail(self, replica: Replica, times: int = FAILURES, last: bool = False) -> bool:
        for _ in range(times):
            self.ejections.failed(replica, last)
        return replica in self.ejections

    async def back(self, replica: Replica) -> None:
        await eventually(lambda: replica in self.returned)
        self.returned.clear()
        assert replica not in self.ejections


@pytest.fixture
def bad() -> Replica:
    return Replica(Endpoint(1, "http://127.0.0.1:1"))


@pytest.fixture
def good() -> Replica:
    return Replica(Endpoint(2, "http://127.0.0.1:2"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ejection, "EJECTION_SECONDS", 0.02)
    monkeypatch.setattr(ejection, "LONGEST_SECONDS", 0.05)


async def test_five_failures_in_a_row_are_too_many(bad: Replica, good: Replica) -> None:
    passed = Passed()
    assert not passed.fail(bad, FAILURES - 1)
    passed.ejections.succeeded(bad)
    assert not passed.fail(bad, FAILURES - 1)
    assert passed.fail(bad, 1)
    assert len(passed.ejections.ejected) == 1
    assert passed.ejections.preferred([bad, good]) == [good]
    assert passed.ejections.preferred([bad]) == [bad]
    passed.ejections.keep(())


async def test_the_last_one_is_never_passed_over(bad: Replica) -> None:
    passed = Passed()
    assert not passed.fail(bad, 3 * FAILURES, last=True)
    assert passed.fail(bad, 1)
    passed.ejections.keep(())


@pytest.mark.usefixtures("quick")
async def test_the_time_grows_up_to_a_bound(bad: Replica, caplog: pytest.LogCaptureFixture) -> None:
    passed = Passed()
    for _ in range(4):
        assert passed.fail(bad)
        await passed.back(bad)
    assert re.findall(r"over for (\S+) s", caplog.text) == ["0.02", "0.04", "0.05", "0.05"]


@pytest.mark.usefixtures("quick")
async def test_what_was_long_ago_is_forgiven(
    bad: Replica, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ejection, "FORGIVEN_SECONDS", 1e-6)
    passed = Passed()
    for _ in range(3):
        assert passed.fail(bad)
        await passed.back(bad)
    assert re.findall(r"over for (\S+) s", caplog.text) == ["0.02", "0.02", "0.02"]


async def test_what_breaks_together_counts_once(
    bad: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = Passed()
    for _ in range(100):
        passed.ejections.broke(bad, last=False)
    assert bad not in passed.ejections
    monkeypatch.setattr(ejection, "TOGETHER_SECONDS", 0)
    for _ in range(FAILURES - 1):
        passed.ejections.broke(bad, last=False)
    assert bad in passed.ejections
    passed.ejections.keep(())


@pytest.mark.usefixtures("quick")
async def test_one_that_left_is_forgotten(bad: Replica, good: Replica) -> None:
    passed = Passed()
    assert passed.fail(bad)
    assert passed.fail(good)
    passed.ejections.keep([good])
    assert bad not in passed.ejections
    await passed.back(good)
    assert not passed.fail(bad, FAILURES - 1)

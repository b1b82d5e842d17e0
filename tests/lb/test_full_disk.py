"""A disk that takes nothing costs no request and no change, and is written to when it can be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from lb.data import log_file
from lb.data.access_log import AccessLogs
from lb.data.endpoint_files import EndpointFiles
from lb.data.log_file import LogFile
from lb.data.moments import moment
from lb.data.presence import Presence
from lb.data.record import unreadable
from lb.data.registry import Registry
from lb.data.sockets import OwnSockets
from lb.data.upkeep import Upkeep
from tests.lb.plane import plain
from tests.lb.test_endpoint_sets import named
from tests.lb.wire import ask, content, get, replica
from tests.limits import largest_file


@pytest.fixture
def files(tmp_path: Path) -> EndpointFiles:
    return EndpointFiles(tmp_path / "endpoints")


@pytest.fixture
async def registry(tmp_path: Path, files: EndpointFiles) -> AsyncIterator[Registry]:
    logs = AccessLogs(tmp_path / "access")
    sockets = OwnSockets("127.0.0.1")
    running = Registry(sockets, files, logs)
    yield running
    running.close()
    running.abort()
    await running.finished()
    await logs.close()
    sockets.let_go()


async def test_a_set_is_in_force_at_once_and_on_disk_when_there_is_room(
    registry: Registry, files: EndpointFiles, caplog: pytest.LogCaptureFixture
) -> None:
    async with replica(named(b"old")) as old, replica(named(b"new")) as new:
        first = await registry.apply(plain(old.url))
        second = replace(first, generation=2, endpoints=plain(new.url).endpoints)
        with largest_file(0):
            assert await registry.apply(second) == second
            assert content(await ask(first.port, get())) == b"new"
            assert not await registry.save()
            assert [found.endpoints for found in files.load()] == [first]
            assert await registry.apply(first) == second
        assert caplog.text.count("in memory only") == 1
        assert await registry.save()
        assert [found.endpoints for found in files.load()] == [second]


async def test_a_removal_that_cannot_be_written_holds_and_is_made_good(
    registry: Registry, files: EndpointFiles, tmp_path: Path
) -> None:
    first = await registry.apply(plain())
    (stored,) = (tmp_path / "endpoints").iterdir()
    stored.unlink()
    stored.mkdir()  # what cannot be unlinked
    await registry.apply(replace(first, generation=2, removed=True))
    assert registry.slots() == []
    assert not await registry.save()
    stored.rmdir()
    assert await registry.save()


async def test_the_data_plane_says_it_lived_only_once_all_is_on_disk(
    registry: Registry, tmp_path: Path
) -> None:
    presence = Presence(tmp_path / "alive.json")
    upkeep = Upkeep(registry, presence)
    with largest_file(0):
        await registry.apply(plain())
        await upkeep.keep_disk()
    assert not (tmp_path / "alive.json").exists()
    await upkeep.keep_disk()
    assert presence.last().age(moment()) < 60


def test_a_note_that_cannot_be_written_is_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    presence = Presence(tmp_path / "alive.json")
    with largest_file(0):
        presence.note(moment())
        presence.note(moment())
    assert caplog.text.count("cannot be written") == 1
    presence.note(moment())
    assert presence.last().age(moment()) < 60


async def test_access_lines_are_lost_with_one_error_and_then_written_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logs = AccessLogs(tmp_path)
    demo = plain()
    for full in (False, True, True, False):
        logs.write(demo, unreadable(b"client", 400, 0))
        with largest_file(0) if full else nullcontext():
            await logs.flush()
    await logs.close()
    assert len(logs.path("demo", "i1").read_text().splitlines()) == 2
    assert caplog.text.count("lines are lost") == 1
    assert "2 lines were lost" in caplog.text


def test_a_disk_that_fills_up_within_a_line_leaves_whole_lines(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    log.append(b"first\n")
    with largest_file(8), pytest.raises(OSError, match="too large"):
        log.append(b"second\n")
    log.append(b"third\n")
    log.close()
    assert (tmp_path / "log").read_bytes() == b"first\nthird\n"


def test_a_log_is_moved_aside_when_it_is_large_and_three_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "_LARGEST_BYTES", 10)
    log = LogFile(tmp_path / "log")
    for number in range(6):
        log.append(b"line %d\n" % number)
    log.close()
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {
        "log": b"line 5\n",
        "log.1": b"line 4\n",
        "log.2": b"line 3\n",
        "log.3": b"line 2\n",
    }

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from lb.data.endpoint_files import EndpointFiles, Saved
from lb.data.endpoints import Endpoint, EndpointSet, QueueLimits
from lb.data.moments import moment
from skyflow import state


def saved(service: str, generation: int = 1) -> Saved:
    found = EndpointSet(service, incarnation="i", started_at=1, generation=generation, port=1)
    return Saved(found)


def test_names_that_differ_only_in_case_are_kept_apart(tmp_path: Path) -> None:
    names = ["demo", "Demo", "DEMO", "de-mo", "de_mo", "de/mo", "..", "n" * 300]
    files = EndpointFiles(tmp_path / "endpoints")
    for name in names:
        files.save(saved(name))
    assert sorted(found.endpoints.service for found in files.load()) == sorted(names)
    stored = [path.name.lower() for path in (tmp_path / "endpoints").iterdir()]
    assert len(set(stored)) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["endpoints"]


def test_all_of_a_set_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    replica = Endpoint(replica_id=1, url="http://10.0.0.1:80", weight=0.5, capacity=3)
    whole = Saved(
        EndpointSet(
            *("d", "i", 1.5, 2, 3, "round_robin"),
            retry="all",
            stream_timeout_seconds=4.5,
            session_header="X-Session",
            timeout_seconds=6.5,
            max_concurrency=7,
            queue=QueueLimits(8, 9.5),
            endpoints=(replica,),
            draining=(replica,),
        ),
        doubts=((replica, moment()),),
    )
    EndpointFiles(tmp_path).save(whole)
    assert EndpointFiles(tmp_path).load() == [whole]


def test_the_data_plane_knows_all_that_a_set_says() -> None:
    assert [field.name for field in fields(EndpointSet)] == list(state.EndpointSet.model_fields)
    assert [field.name for field in fields(Endpoint)] == list(state.Endpoint.model_fields)
    assert [field.name for field in fields(QueueLimits)] == list(state.QueueLimits.model_fields)
    record = state.EndpointSet(service="d", incarnation="i", started_at=1, generation=1, port=1)
    assert EndpointSet.of(record.model_dump()) == EndpointSet("d", "i", 1, 1, 1)


REPLICA = {"replica_id": 1, "url": "http://127.0.0.1:1"}
SET = {"service": "d", "incarnation": "i", "started_at": 1, "generation": 1, "port": 1}


def test_a_set_that_is_told_is_checked() -> None:
    queue = {"max_requests": 1, "max_wait_seconds": 0.5}
    told = {**SET, "endpoints": [REPLICA], "timeout_seconds": None, "queue": queue, "new": 1}
    found = EndpointSet.checked(told)
    assert found.endpoints == (Endpoint(1, "http://127.0.0.1:1"),)
    assert found.queue == QueueLimits(1, 0.5)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([], "the set is [], and not an object"),
        ({"service": "d"}, "the set has no incarnation"),
        ({**SET, "port": "80"}, "port of the set is '80', and not of type int"),
        ({**SET, "generation": True}, "generation of the set is True, and not of type int"),
        ({**SET, "started_at": None}, "started_at of the set is None, and not of type float"),
        ({**SET, "endpoints": REPLICA}, "endpoints of the set is {'replica_id': 1, 'url'"),
        ({**SET, "endpoints": [{"url": ""}]}, "one of endpoints of the set has no replica_id"),
        ({**SET, "queue": {"max_requests": 1}}, "queue of the set has no max_wait_seconds"),
        ({**SET, "session_header": 5}, "session_header of the set is 5, and not of type str"),
    ],
)
def test_what_is_no_set_is_refused_with_the_reason(told: object, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        EndpointSet.checked(told)


def test_the_last_set_of_a_service_is_loaded_until_it_is_removed(tmp_path: Path) -> None:
    files = EndpointFiles(tmp_path)
    files.save(saved("demo"))
    files.save(saved("demo", generation=2))
    assert [found.endpoints.generation for found in files.load()] == [2]
    files.remove("demo")
    files.remove("demo")
    assert files.load() == []


def test_a_damaged_file_is_reported_and_costs_only_its_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = EndpointFiles(tmp_path)
    for name in ("demo", "half", "changed"):
        files.save(saved(name))
    half, changed = next(tmp_path.glob("half*")), next(tmp_path.glob("changed*"))
    half.write_bytes(half.read_bytes()[:-20])
    changed.write_text(changed.read_text().replace('"port": 1', '"port": 2'))
    for number, nonsense in enumerate([b"", b"[]", b"{}", b"7", b"\xff"]):
        (tmp_path / f"nonsense-{number}.json").write_bytes(nonsense)
    assert [found.endpoints.service for found in files.load()] == ["demo"]
    assert all(name in caplog.text for name in (half.name, changed.name, "nonsense-4.json"))


def test_a_save_that_fails_leaves_nothing_half_written(tmp_path: Path) -> None:
    files = EndpointFiles(tmp_path)
    files.save(saved("demo"))
    (stored,) = tmp_path.iterdir()
    stored.unlink()
    stored.mkdir()
    with pytest.raises(OSError, match=stored.name):
        files.save(saved("demo", generation=2))
    assert list(tmp_path.iterdir()) == [stored]


def test_what_a_killed_writer_left_is_never_loaded(tmp_path: Path) -> None:
    files = EndpointFiles(tmp_path)
    files.save(saved("demo"))
    (stored,) = tmp_path.iterdir()
    stored.with_suffix(".tmp").write_bytes(stored.read_bytes()[:-20])
    assert files.load() == [saved("demo")]
    files.save(saved("demo", generation=2))
    assert list(tmp_path.iterdir()) == [stored]

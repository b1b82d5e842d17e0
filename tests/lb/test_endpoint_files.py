from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from lb.data.endpoint_files import EndpointFiles, Saved
from lb.data.endpoints import Endpoint, EndpointSet
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
    replica = Endpoint(replica_id=1, url="http://10.0.0.1:80")
    whole = Saved(
        EndpointSet("d", "i", 1.5, 2, 3, "round_robin", "all", 4.5, (replica,), (replica,)),
        doubts=((replica, moment()),),
    )
    EndpointFiles(tmp_path).save(whole)
    assert EndpointFiles(tmp_path).load() == [whole]


def test_the_data_plane_knows_all_that_a_set_says() -> None:
    assert [field.name for field in fields(EndpointSet)] == list(state.EndpointSet.model_fields)
    assert [field.name for field in fields(Endpoint)] == list(state.Endpoint.model_fields)
    record = state.EndpointSet(service="d", incarnation="i", started_at=1, generation=1, port=1)
    assert EndpointSet.of(record.model_dump()) == EndpointSet("d", "i", 1, 1, 1)


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

from __future__ import annotations

from pathlib import Path

import pytest

from lb.data.endpoint_files import EndpointFiles
from skyflow.state import EndpointSet


def endpoint_set(service: str, generation: int = 1) -> EndpointSet:
    return EndpointSet(
        service=service, incarnation="i", started_at=1, generation=generation, port=1
    )


def test_names_that_differ_only_in_case_are_kept_apart(tmp_path: Path) -> None:
    names = ["demo", "Demo", "DEMO", "de-mo", "de_mo", "de/mo", "..", "n" * 300]
    files = EndpointFiles(tmp_path / "endpoints")
    for name in names:
        files.save(endpoint_set(name))
    assert sorted(found.service for found in files.load()) == sorted(names)
    stored = [path.name.lower() for path in (tmp_path / "endpoints").iterdir()]
    assert len(set(stored)) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["endpoints"]


def test_the_last_set_of_a_service_is_loaded_until_it_is_removed(tmp_path: Path) -> None:
    files = EndpointFiles(tmp_path)
    files.save(endpoint_set("demo"))
    files.save(endpoint_set("demo", generation=2))
    assert [found.generation for found in files.load()] == [2]
    files.remove("demo")
    assert files.load() == []


def test_a_damaged_file_is_reported_and_costs_only_its_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = EndpointFiles(tmp_path)
    files.save(endpoint_set("demo"))
    (tmp_path / "other.json").write_text('{"service": "oth')
    assert [found.service for found in files.load()] == ["demo"]
    assert "other.json" in caplog.text


def test_a_save_that_fails_leaves_nothing_half_written(tmp_path: Path) -> None:
    files = EndpointFiles(tmp_path)
    files.save(endpoint_set("demo"))
    (stored,) = tmp_path.iterdir()
    stored.unlink()
    stored.mkdir()
    with pytest.raises(OSError, match=stored.name):
        files.save(endpoint_set("demo", generation=2))
    assert list(tmp_path.iterdir()) == [stored]

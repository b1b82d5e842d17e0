from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from skyflow.clouds.ledger import Ledger


def test_ledger_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "ledger.jsonl").read() == []


def test_machines_that_exist_are_those_made_and_not_ended(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append("create", "first")
    ledger.append("create", "second")
    ledger.append("delete", "first", "preempted")
    assert ledger.existing() == ["second"]
    assert [entry.reason for entry in ledger.read()] == ["", "", "preempted"]
    assert [entry.at for entry in ledger.read()] == sorted(entry.at for entry in ledger.read())


def test_lines_of_several_processes_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        list(pool.map(write_many, [path] * 3))
    assert len(Ledger(path).read()) == 600


def write_many(path: Path) -> None:
    for number in range(200):
        Ledger(path).append("create", f"machine-{number}")

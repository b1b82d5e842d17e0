from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from skyflow.clouds.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.jsonl")


def test_ledger_that_does_not_exist_is_empty(ledger: Ledger) -> None:
    assert ledger.read() == []


def test_machines_that_exist_are_those_made_and_not_ended(ledger: Ledger) -> None:
    ledger.created("first")
    ledger.created("second")
    ledger.deleted("first", "preempted")
    assert ledger.existing() == ["second"]
    assert [entry.reason for entry in ledger.read()] == ["", "", "preempted"]
    assert [entry.at for entry in ledger.read()] == sorted(entry.at for entry in ledger.read())


def test_what_is_noted_again_has_one_line(ledger: Ledger) -> None:
    for _ in range(2):
        ledger.created("machine-1")
        ledger.created("machine-11")
    for _ in range(2):
        ledger.deleted("machine-1")
    assert [(entry.event, entry.name) for entry in ledger.read()] == [
        ("create", "machine-1"),
        ("create", "machine-11"),
        ("delete", "machine-1"),
    ]


def test_the_end_of_a_machine_that_never_was_is_not_noted(ledger: Ledger) -> None:
    ledger.deleted("machine-1")
    assert ledger.read() == []


def test_no_machine_is_noted_after_it_was_told_to_end(ledger: Ledger) -> None:
    ledger.created("machine-1", unless=lambda: True)
    assert ledger.read() == []


def test_a_line_that_was_never_finished_vanishes(ledger: Ledger) -> None:
    ledger.created("first")
    with ledger.path.open("a") as file:
        file.write('{"at": 1, "event": "create", "na')
    assert ledger.existing() == ["first"]
    ledger.created("second")
    assert ledger.existing() == ["first", "second"]


def test_lines_of_several_processes_never_mix(ledger: Ledger) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        list(pool.map(write_many, [ledger.path] * 3, "abc"))
    assert len(ledger.read()) == 150


def test_several_processes_that_note_the_same_write_it_once(ledger: Ledger) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        list(pool.map(write_many, [ledger.path] * 3, "aaa"))
    assert len(ledger.read()) == 50


def write_many(path: Path, prefix: str) -> None:
    for number in range(50):
        Ledger(path).created(f"{prefix}-{number}")

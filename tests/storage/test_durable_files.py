"""What is left of files on a disk that takes no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skyflow.config import Settings
from skyflow.durable_files import create_file, replace_file
from skyflow.errors import StorageUnavailable
from skyflow.installation import installation_id
from skyflow.storage.keyring import Keyring
from skyflow.system_errors import write_problem
from tests.limits import largest_file, no_more_files


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state"
    replace_file(path, b"old")
    with largest_file(5), pytest.raises(OSError, match="File too large"):
        replace_file(path, b"new content")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert create_file(path, b"first")
    assert not create_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("make", [Keyring.load, installation_id])
def test_what_is_made_at_first_use_is_made_whole_or_not_at_all(
    settings: Settings, make: Callable[[Settings], object]
) -> None:
    with largest_file(4), pytest.raises(StorageUnavailable, match="File too large") as caught:
        make(settings)
    assert str(settings.keys) in caught.value.message
    assert list(settings.keys.iterdir()) == []
    make(settings)


def test_a_disk_that_takes_nothing_is_told_with_its_path_and_remedy(settings: Settings) -> None:
    settings.home.mkdir()
    assert write_problem(settings) is None
    with largest_file(0):
        problem = write_problem(settings)
    assert problem is not None
    assert problem.message == f"nothing can be written to {settings.home}: File too large"
    assert problem.remedy


def test_a_command_that_may_open_no_file_is_told_so(settings: Settings) -> None:
    settings.home.mkdir()
    with no_more_files():
        problem = write_problem(settings)
    assert problem is not None
    assert problem.message.endswith("Too many open files")
    assert "ulimit -n" in (problem.remedy or "")

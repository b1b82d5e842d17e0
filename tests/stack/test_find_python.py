from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.conftest import ROOT

SCRIPT = ROOT / "scripts" / "find-python"
# What stands in for a Python: it answers the script's question with an exit status, as one would.
ANSWERS = {"good": 0, "old": 3, "bare": 4, "broken": 127}


def place(directory: Path, name: str, kind: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '--version) echo "Python 3.9.2";;\n'
        "*print*ensurepip* | *ensurepip*) exit " + str(ANSWERS[kind]) + ";;\n"
        "*) echo 3.12;;\n"
        "esac\n"
    )
    path.chmod(0o755)
    return path


def find(directory: Path, python: str | None = None) -> subprocess.CompletedProcess[str]:
    directory.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": str(directory)} | ({"PYTHON": python} if python is not None else {})
    return subprocess.run(
        ["/bin/sh", SCRIPT], env=environment, capture_output=True, text=True, check=False
    )


def test_the_newest_suitable_python_is_taken(tmp_path: Path) -> None:
    place(tmp_path, "python3", "good")
    place(tmp_path, "python3.11", "good")
    newest = place(tmp_path, "python3.13", "good")
    assert find(tmp_path).stdout.strip() == str(newest)


@pytest.mark.parametrize("kind", ["old", "bare", "broken"])
def test_an_unsuitable_python_is_passed_over(tmp_path: Path, kind: str) -> None:
    place(tmp_path, "python3.13", kind)
    other = place(tmp_path, "python3", "good")
    assert find(tmp_path).stdout.strip() == str(other)


def test_without_a_python_the_remedy_names_one_for_each_system(tmp_path: Path) -> None:
    answer = find(tmp_path)
    assert answer.returncode == 1
    assert "found none" in answer.stderr
    assert "apt-get install python3.11 python3.11-venv" in answer.stderr
    assert "brew install python@3.12" in answer.stderr


def test_an_old_python_is_named_with_its_version(tmp_path: Path) -> None:
    path = place(tmp_path, "python3", "old")
    answer = find(tmp_path)
    assert answer.returncode == 1
    assert f"found {path}: Python 3.9.2" in answer.stderr


def test_a_python_without_venv_is_answered_with_the_package_of_its_version(tmp_path: Path) -> None:
    place(tmp_path, "python3", "bare")
    answer = find(tmp_path)
    assert answer.returncode == 1
    assert "has no venv" in answer.stderr
    assert "apt-get install python3.12-venv" in answer.stderr


def test_the_python_asked_for_is_taken_also_from_a_path_with_spaces(tmp_path: Path) -> None:
    path = place(tmp_path / "my pythons", "python3", "good")
    place(tmp_path / "bin", "python3.13", "good")
    assert find(tmp_path / "bin", str(path)).stdout.strip() == str(path)


def test_a_python_asked_for_that_is_not_there_is_refused(tmp_path: Path) -> None:
    place(tmp_path, "python3.13", "good")
    answer = find(tmp_path, "/nowhere/python3")
    assert answer.returncode == 1
    assert "PYTHON=/nowhere/python3 is not a Python" in answer.stderr


def test_the_python_of_these_tests_is_suitable(tmp_path: Path) -> None:
    assert find(tmp_path, sys.executable).stdout.strip() == sys.executable

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from skyflow.errors import SpecError, UsageError
from skyflow.spec import LoadOptions, check_service_name, load_task
from tests.spec.conftest import MINIMAL, Load, Refuse


def test_relative_paths_start_at_the_folder_of_the_yaml(load: Load, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "weights").write_text("w")
    text = "workdir: ./app\nfile_mounts: {~/weights: weights, /data/$X: app}\nenvs: {X: x}\n"
    task = load(text + MINIMAL)
    assert task.workdir == tmp_path / "app"
    assert task.file_mounts == {"~/weights": tmp_path / "weights", "/data/x": tmp_path / "app"}
    assert str(tmp_path) not in task.redacted_yaml()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("workdir: nowhere", "1:10 workdir: found 'nowhere', which does not exist"),
        ("workdir: service.yaml", "1:10 workdir: found 'service.yaml', which is not a directory"),
        ("workdir: https://host/x", "1:10 workdir: is a URL; allowed: a directory, or {url"),
        ("workdir: [a]", "1:1 workdir: found a list; allowed: the path of a directory"),
        ("workdir: ~nobody-here/x", "1:10 workdir: found '~nobody-here/x', which"),
        ("file_mounts: {/a: nowhere}", "1:19 file_mounts./a: found 'nowhere', which does not"),
        ("file_mounts: {/a: 1}", "1:19 file_mounts./a: found 1; allowed: a local path"),
        ("file_mounts: {/: service.yaml}", "1:15 file_mounts./: '/' cannot be put in place"),
        ("file_mounts: {../a: service.yaml}", "1:15 file_mounts.../a: '../a' cannot be put"),
        ("file_mounts: [a]", "1:1 file_mounts: found a list; allowed: a mapping"),
        ("num_nodes: 0", "1:12 num_nodes: found 0; allowed: 1 or more"),
        ("setup: [a]", "1:1 setup: found a list; allowed: text"),
        ("name: -x", "1:7 name: found '-x'; allowed: a letter"),
    ],
)
def test_wrong_paths_and_values_are_named(refuse: Refuse, text: str, problem: str) -> None:
    (found,) = refuse(f"{text}\n{MINIMAL}")
    assert found.startswith(problem)


@pytest.mark.parametrize("name", ["a", "A1", "my-svc", "my_svc", "My.svc", "a" * 63])
def test_good_names_are_accepted(load: Load, name: str) -> None:
    check_service_name(name)
    assert load(f"name: other\n{MINIMAL}", name=name).name == name


@pytest.mark.parametrize("name", ["", "1a", "-a", "a-", "a b", "a/b", "a" * 64, "a\n", "é"])
def test_bad_names_are_refused(refuse: Refuse, name: str) -> None:
    with pytest.raises(UsageError, match="allowed: a letter"):
        check_service_name(name)
    assert any("allowed: a letter" in problem for problem in refuse(MINIMAL, name=name))


def test_a_bad_name_beside_the_file_is_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_text(MINIMAL)
    with pytest.raises(SpecError) as caught:
        load_task(path, LoadOptions(name="a b"))
    assert [p.message.split(":")[0] for p in caught.value.problems] == ["service name 'a b'"]


def test_a_name_that_only_skypilot_allows_loads(load: Load) -> None:
    assert load(f"name: 7b-chat\n{MINIMAL}").name == "7b-chat"


def test_loading_needs_no_heavy_library() -> None:
    code = (
        "import sys, skyflow.spec; "
        "heavy = {'temporalio', 'aiohttp', 'asyncssh', 'httpx', 'boto3', 'google', 'click'}; "
        "sys.exit(','.join(heavy & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

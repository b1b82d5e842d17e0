from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from skyflow.spec import LoadOptions, Task, load_task

FILES = sorted((Path(__file__).parent / "files").glob("*.yaml"))
ENVIRON = dict.fromkeys(
    ("HF_TOKEN", "WANDB_API_KEY", "API_KEY", "SKYPILOT_DOCKER_PASSWORD"), "given-by-the-environment"
)


def load_file(path: Path) -> Task:
    return load_task(path, LoadOptions(environ=ENVIRON, check_paths=False))


def test_there_are_thirty_files() -> None:
    assert len(FILES) >= 30


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_as_people_write_them_loads(path: Path) -> None:
    task = load_file(path)
    assert task.settings().resources
    assert "given-by-the-environment" not in task.redacted_yaml()
    assert Task.model_validate_json(task.model_dump_json()) == task
    assert all(problem.line for problem in (*task.unsupported(), *task.notices))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_a_task_says_loads_as_the_same_task(path: Path, tmp_path: Path) -> None:
    task = load_file(path)
    copy = tmp_path / "copy.yaml"
    copy.write_text(yaml.dump(task.model_dump(mode="json", exclude={"redacted"})))
    again = load_file(copy)
    assert again.model_dump(exclude={"redacted"}) == task.model_dump(exclude={"redacted"})


def unsupported(name: str) -> list[str]:
    path = Path(__file__).parent / "files" / f"{name}.yaml"
    return [problem.key for problem in load_file(path).unsupported()]


@pytest.mark.parametrize(
    "name",
    ["anchors", "by_maker", "by_memory", "comments_everywhere", "empty_service", "fractional",
     "heredocs", "image_by_region", "lower_case", "null_keys", "post_data_text",
     "ranges", "secrets_list", "set_without_counts", "shortcut", "stream_timeout",
     "unrelated_keys"],
)  # fmt: skip
def test_what_needs_nothing_new_can_be_carried_out(name: str) -> None:
    assert unsupported(name) == []


def test_every_key_of_ours_that_does_nothing_yet_is_named() -> None:
    assert unsupported("all_our_keys") == [
        "service.auth",
        "service.rate_limit",
        "service.replica_policy.availability_target",
        "service.update",
    ]


def test_buckets_and_containers_are_named_by_their_keys() -> None:
    assert unsupported("storage") == [
        "file_mounts./checkpoints",
        "file_mounts./cache",
        "file_mounts./mixed",
    ]
    assert unsupported("docker_with_env") == ["resources.image_id"]
    assert unsupported("git_workdir") == []


def test_keys_that_do_not_concern_services_are_noticed() -> None:
    path = Path(__file__).parent / "files" / "unrelated_keys.yaml"
    assert [(notice.line, notice.key) for notice in load_file(path).notices] == [
        (2, "priority"),
        (3, "experimental"),
        (6, "config"),
        (9, "inputs"),
        (10, "outputs"),
        (11, "event_callback"),
        (13, "resources.autostop"),
        (14, "resources.job_recovery"),
        (15, "resources.priority"),
    ]

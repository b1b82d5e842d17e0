from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings

from skyflow.spec import LoadOptions, Task, load_task
from tests.spec.strategies import DOCUMENTS

SETTINGS = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def load(document: dict[str, Any]) -> Task:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "service.yaml"
        path.write_text(yaml.dump(document, allow_unicode=True))
        return load_task(path, LoadOptions(environ={}, check_paths=False))


def said(task: Task) -> dict[str, Any]:
    return task.model_dump(mode="json", exclude={"redacted"})


@SETTINGS
@given(DOCUMENTS)
def test_a_task_written_as_yaml_loads_as_itself(document: dict[str, Any]) -> None:
    task = load(document)
    assert said(load(said(task))) == said(task)


@SETTINGS
@given(DOCUMENTS)
def test_a_task_survives_json(document: dict[str, Any]) -> None:
    task = load(document)
    assert Task.model_validate_json(task.model_dump_json()) == task
    assert Task.model_validate_json(task.model_dump_json(exclude_defaults=True)) == task

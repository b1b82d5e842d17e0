from __future__ import annotations

from pathlib import Path

import pytest

from skyflow.spec import LoadOptions, load_task
from tests.examples.conftest import EXAMPLES

FILES = sorted(EXAMPLES.rglob("*.yaml"))
OPTIONS = LoadOptions(secrets={"HF_TOKEN": "hf_example"}, environ={})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_every_example_loads_and_redacts(path: Path) -> None:
    task = load_task(path, OPTIONS)
    assert task.name
    assert task.settings().replicas == 2
    assert "hf_example" not in task.redacted_yaml()


def test_hello_serves_its_own_folder_from_wherever_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(EXAMPLES / "hello")
    inside = load_task(Path("service.yaml"), OPTIONS)
    monkeypatch.chdir(EXAMPLES.parent)
    outside = load_task(Path("examples/hello/service.yaml"), OPTIONS)
    assert inside.workdir == outside.workdir == EXAMPLES / "hello"
    assert outside.workdir
    assert (outside.workdir / "index.html").is_file()


def test_fixed_port_is_asked_for() -> None:
    assert load_task(EXAMPLES / "hello-fixed-port/service.yaml", OPTIONS).settings().port == 8080


def test_mixtral_has_gpu_alternatives_and_a_probe_with_a_body() -> None:
    task = load_task(EXAMPLES / "vllm-mixtral.yaml", OPTIONS)
    found = {(each.accelerator, each.accelerator_count) for each in task.settings().resources}
    assert {("L4", 8), ("A100-80GB", 2), ("H100", 2)} < found
    assert "Mixtral" in (task.service.readiness_probe.post_data or "")

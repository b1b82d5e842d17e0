from __future__ import annotations

import os
from pathlib import Path

import pytest

from skyflow.clouds.local.fixed_port import shared_network_problem
from skyflow.spec import LoadOptions, load_task
from skyflow.spec.task import Task

SERVICE = """
service: {{readiness_probe: /, replicas: 1, ports: 8080}}
workdir: {workdir}
run: |
  {run}
"""


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.mark.parametrize("run", ["serve --port $SKYFLOW_REPLICA_PORT", "${SKYFLOW_REPLICA_PORT}"])
def test_service_whose_script_reads_the_port_works(workdir: Path, run: str) -> None:
    assert shared_network_problem(task(workdir, run)) is None


def test_service_whose_program_reads_the_port_works(workdir: Path) -> None:
    (workdir / "package").mkdir()
    (workdir / "package" / "server.py").write_text("os.environ['SKYFLOW_REPLICA_PORT']")
    assert shared_network_problem(task(workdir, "python -m package.server")) is None


def test_service_whose_program_is_elsewhere_has_the_benefit_of_the_doubt(tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_text("workdir: {url: 'https://host/a'}\nservice: {}\nrun: python server.py\n")
    assert shared_network_problem(load_task(path, LoadOptions())) is None


def test_service_with_a_fixed_port_is_refused_with_the_remedy(workdir: Path) -> None:
    (workdir / "index.html").write_text("hello")
    problem = shared_network_problem(task(workdir, "python -m http.server 8080"))
    assert problem is not None
    assert "8080" in problem
    assert "listen on $SKYFLOW_REPLICA_PORT" in problem


def test_special_and_large_files_are_not_read(workdir: Path) -> None:
    os.mkfifo(workdir / "pipe")
    (workdir / "data").write_bytes(b"SKYFLOW_REPLICA_PORT" + bytes(1_000_000))
    assert shared_network_problem(task(workdir, "serve")) is not None


def task(workdir: Path, run: str) -> Task:
    path = workdir.parent / "service.yaml"
    path.write_text(SERVICE.format(workdir=workdir, run=run))
    return load_task(path, LoadOptions())

"""docker-compose.yml as far as it can be checked without a Docker engine."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from skyflow.contracts import SEARCH_ATTRIBUTES
from tests.stack.conftest import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = [name for name, service in SERVICES.items() if service["image"] == "skyflow"]


def mounts() -> list[tuple[str, str]]:
    volumes = [volume for service in SERVICES.values() for volume in service.get("volumes", ())]
    return [(volume.split(":")[0], volume.split(":")[1]) for volume in volumes]


def test_every_port_is_on_the_loopback_interface() -> None:
    ports = [str(port) for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_every_volume_is_named_and_declared_or_a_file_of_ours() -> None:
    sources = {source for source, _ in mounts()}
    assert {source for source in sources if not source.startswith("./")} == set(COMPOSE["volumes"])
    assert [source for source in sources if source[0] == "." and not (ROOT / source).exists()] == []


def test_what_is_waited_for_exists_and_can_come_to_pass() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name]
            if wait["condition"] == "service_completed_successfully":
                assert SERVICES[name]["restart"].startswith("on-failure")


def test_endpoints_depend_on_nothing() -> None:
    assert "depends_on" not in SERVICES["lb-data"]


@pytest.mark.parametrize("name", OWN)
def test_our_processes_are_started_by_commands_that_exist(name: str) -> None:
    python, *arguments = SERVICES[name]["command"]
    assert python == "python"
    command = [sys.executable, *arguments, "--help"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("name", OWN)
def test_our_processes_share_one_home(name: str) -> None:
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    home = re.search(r"SKYFLOW_HOME=(\S+)", image)
    assert home is not None
    assert SERVICES[name]["volumes"] == [f"skyflow:{home[1]}"]


def test_the_published_ports_are_those_of_the_first_services() -> None:
    from workflows.installation import FIRST_PORT

    assert SERVICES["lb-data"]["ports"][0].split(":")[1].startswith(f"{FIRST_PORT}-")


def test_the_namespace_gets_a_week_and_all_search_attributes() -> None:
    script = (ROOT / "deploy" / "temporal-namespace.sh").read_text()
    assert script.count("--retention 7d") == 2
    assert all(name in script for name in SEARCH_ATTRIBUTES)


def test_no_password_is_in_the_file() -> None:
    values = [
        str(value)
        for service in SERVICES.values()
        for key, value in service.get("environment", {}).items()
        if "PASSWORD" in key or key.endswith("_PWD")
    ]
    assert values
    assert all(value.startswith("${POSTGRES_PASSWORD:?") for value in values)


def test_the_image_is_built_from_all_our_packages() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    project = (ROOT / "pyproject.toml").read_text()
    packages = re.search(r"^packages = \[(.*)\]$", project, re.MULTILINE)
    assert packages is not None
    assert {f"!{name}" for name in re.findall(r'"(\w+)"', packages[1])} <= set(ignored)

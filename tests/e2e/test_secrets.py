"""The value of a secret is nowhere but in the replica that it is for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import ONE_NETWORK, Up, take_down
from tests.e2e.secrecy import files_holding, histories, sampled_processes
from tests.e2e.services import SERVE, write_service
from tests.e2e.stack import Outcome, Stack

pytestmark = ONE_NETWORK

SECRET = "zq7-secret-Vx3kP9wLm2"
ENV = "zq7-env-Hd8sT4yRb6"
TELL = 'echo "told $TOKEN and $NOTE"'
KEYS: dict[str, Any] = {
    "secrets": {"TOKEN": None},
    "envs": {"NOTE": ENV},
    "service": {
        "readiness_probe": {"path": "/ready", "headers": {"X-Token": "$TOKEN", "X-Note": "$NOTE"}}
    },
}


@dataclass(frozen=True)
class Traces:
    """What services with a secret left behind, one that works and one that fails."""

    output: str
    """What commands printed."""
    commands: set[str]
    histories: dict[str, bytes]
    files: dict[str, set[Path]]
    """Files that hold each value, while the services ran or after."""
    denied: int
    """Status of an answer to a request without the secret."""


@pytest.fixture(scope="module")
async def traces(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Traces:
    with sampled_processes() as sampled:
        outcomes = [await _deploy(stack, tmp_path_factory.mktemp("works"), "works", SERVE, 0)]
        outcomes.append(await _deploy(stack, tmp_path_factory.mktemp("ends"), "ends", "exit 3", 1))
        async with httpx.AsyncClient() as client:
            denied = (await client.get(await stack.endpoint("works"))).status_code
        outcomes += [await stack.run("serve", "status", "-v"), await _logs(stack)]
        files = {value: files_holding(stack.home, value) for value in (SECRET, ENV)}
        await take_down(stack, "works", "ends")
    for value, found in files.items():
        found |= files_holding(stack.home, value)
    return Traces(
        output="".join(outcome.text for outcome in outcomes),
        commands=sampled.words,
        histories=await histories(await stack.temporal()),
        files=files,
        denied=denied,
    )


async def _deploy(stack: Stack, folder: Path, name: str, end: str, status: int) -> Outcome:
    """Deploy a service that tells its secret in setup and in run."""
    spec = write_service(folder, f"{TELL}; {end}", setup=f"{TELL} >&2", **KEYS)
    up = ("serve", "up", spec, "-n", name, "-y", "--secret", "TOKEN")
    return await stack.run(*up, status=status, TOKEN=SECRET)


async def _logs(stack: Stack) -> Outcome:
    return await stack.run("serve", "logs", "works", "--no-follow")


async def test_the_secret_reaches_the_replica_and_its_probe(traces: Traces) -> None:
    # It is ready although it refuses whoever does not know the secret.
    assert traces.denied == 401


async def test_no_history_holds_a_value(traces: Traces) -> None:
    # The specs are there, without their values: what is looked through can be read.
    assert any(b"NOTE: <redacted>" in content for content in traces.histories.values())
    for name, content in traces.histories.items():
        assert SECRET.encode() not in content, name
        assert ENV.encode() not in content, name


async def test_no_process_listing_holds_a_value(traces: Traces) -> None:
    assert any("keeper.sh" in command for command in traces.commands)
    assert not [c for c in traces.commands if SECRET in c or ENV in c]


async def test_no_file_holds_the_secret(traces: Traces) -> None:
    assert traces.files[SECRET] == set()


async def test_an_env_is_in_what_replicas_wrote_and_nowhere_else(traces: Traces) -> None:
    assert traces.files[ENV] != set()
    assert {path.parts[:2] for path in traces.files[ENV]} == {("store", "logs")}


async def test_what_is_printed_masks_the_secret(traces: Traces) -> None:
    assert f"told *** and {ENV}" in traces.output
    assert SECRET not in traces.output


async def test_an_error_in_a_value_does_not_show_it(stack: Stack, up: Up, tmp_path: Path) -> None:
    probe = {"path": "/", "timeout_seconds": "$TOKEN"}
    spec = write_service(tmp_path, service={"readiness_probe": probe}, secrets={"TOKEN": None})
    arguments = ("serve", "up", spec, "-n", "wrong", "-y", "--secret", "TOKEN")
    refused = await stack.run(*arguments, status=2, TOKEN=SECRET)
    assert "timeout_seconds" in refused.err
    assert SECRET not in refused.text

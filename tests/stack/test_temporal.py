from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio import workflow
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.worker import Worker

from skyflow.config import Settings
from skyflow.contracts import SEARCH_ATTRIBUTES, WORKFLOW_QUEUE
from skyflow.errors import ControllerUnavailable, UsageError
from skyflow.processes import ProcessIdentity
from skyflow.stack import ensure_stack, stop_stack
from skyflow.stack_state import StackState
from skyflow.temporal import connect, external_address, served_elsewhere
from tests.waiting import eventually


@workflow.defn(sandboxed=False)
class Idle:
    @workflow.run
    async def run(self) -> None:
        return


TEMPORAL_STACK = (sys.executable, "-m", "tests.stack.temporal_stack")


async def start(settings: Settings) -> StackState:
    return await ensure_stack(settings, timeout=20, command=TEMPORAL_STACK)


def process_of(state: StackState) -> ProcessIdentity:
    process = state.process("temporal")
    assert process is not None
    assert process.identity is not None
    return process.identity


async def retention(client: Client) -> Duration:
    request = DescribeNamespaceRequest(namespace="default")
    answer = await client.workflow_service.describe_namespace(request)
    return answer.config.workflow_execution_retention_ttl


async def attributes(client: Client) -> set[str]:
    request = ListSearchAttributesRequest(namespace="default")
    return set((await client.operator_service.list_search_attributes(request)).custom_attributes)


async def test_closed_workflows_are_kept_for_a_week_and_search_attributes_are_known(
    settings: Settings,
) -> None:
    await start(settings)
    client = await connect(settings)
    assert (await retention(client)).ToSeconds() == 7 * 24 * 3600
    assert await attributes(client) >= set(SEARCH_ATTRIBUTES)


async def test_a_killed_server_comes_back_with_what_it_knew(settings: Settings) -> None:
    state = await start(settings)
    server = process_of(state)
    await (await connect(settings)).start_workflow("Any", id="kept", task_queue="none")
    server.send(signal.SIGKILL)
    await eventually(lambda: not server.alive)
    await start(settings)
    client = await connect(settings)
    assert (await client.get_workflow_handle("kept").describe()).id == "kept"


async def test_an_external_temporal_is_used_instead(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(settings)
    monkeypatch.setenv("TEMPORAL_ADDRESS", server.temporal_address)
    other = Settings(home=tmp_path / "other")
    client = await connect(other)
    assert client.service_client.config.target_host == server.temporal_address


async def test_a_temporal_that_a_worker_serves_needs_no_stack_here(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(settings)
    other = Settings(home=tmp_path / "other")
    assert not await served_elsewhere(other)
    monkeypatch.setenv("TEMPORAL_ADDRESS", server.temporal_address)
    assert not await served_elsewhere(other)
    async with Worker(await connect(other), task_queue=WORKFLOW_QUEUE, workflows=[Idle]):
        await eventually(lambda: served_elsewhere(other))


async def test_without_a_stack_the_remedy_is_to_start_one(settings: Settings) -> None:
    with pytest.raises(ControllerUnavailable) as caught:
        await connect(settings)
    assert "skyflow stack up" in str(caught.value.remedy)


async def test_a_temporal_that_does_not_answer_is_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    before = time.monotonic()
    with pytest.raises(ControllerUnavailable, match=r"127\.0\.0\.1:9 did not answer within 0\.3 s"):
        await connect(settings, timeout=0.3)
    assert time.monotonic() - before < 2


async def test_a_stack_of_another_temporal_is_not_taken_for_this_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start(settings)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    with pytest.raises(Exception, match="its own server"):
        await start(settings)


def test_no_configuration_means_the_embedded_server() -> None:
    assert external_address() is None


def test_a_profile_of_a_configuration_file_names_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text('[profile.default]\nnamespace = "n"\n[profile.cloud]\naddress = "there:7233"\n')
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    assert external_address() is None
    monkeypatch.setenv("TEMPORAL_PROFILE", "cloud")
    assert external_address() == "there:7233"


def test_the_default_configuration_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "darwin":
        monkeypatch.setenv("HOME", str(tmp_path))
        directory = tmp_path / "Library" / "Application Support" / "temporalio"
    else:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        directory = tmp_path / "temporalio"
    directory.mkdir(parents=True)
    (directory / "temporal.toml").write_text('[profile.default]\naddress = "here:7233"\n')
    assert external_address() == "here:7233"


def test_an_unknown_profile_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "nowhere")
    with pytest.raises(UsageError, match="nowhere"):
        external_address()


async def test_the_server_leaves_nothing_behind(settings: Settings) -> None:
    server = process_of(await start(settings))
    await stop_stack(settings)
    assert not server.alive

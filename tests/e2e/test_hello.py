"""The well-known example, looked at from all sides; every test leaves it with two replicas."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import httpx
import pytest

from skyflow.stack_state import read_state
from skyflow.state import ReplicaPhase
from tests.e2e.services import write_service
from tests.e2e.stack import EXAMPLES, Outcome, Stack
from tests.waiting import eventually

HELLO = EXAMPLES / "hello"


async def ids(stack: Stack) -> set[int]:
    live = await stack.replicas("hello", ReplicaPhase.READY)
    return {replica.replica_id for replica in live}


async def test_up_says_that_the_service_is_ready_and_where(hello: Outcome, stack: Stack) -> None:
    endpoint = await stack.endpoint("hello")
    assert "Service hello is READY: 2 of 2 replicas ready" in hello.out
    assert re.search(rf"Endpoint +{endpoint}\n", hello.out)
    assert "/namespaces/default/workflows/service%2Fhello" in hello.out


async def test_the_endpoint_answers_with_the_index_page(hello: Outcome, stack: Stack) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(await stack.endpoint("hello"))
    assert answer.status_code == 200
    assert answer.text == (HELLO / "index.html").read_text()


async def test_both_replicas_serve(hello: Outcome, stack: Stack) -> None:
    endpoint = await stack.endpoint("hello")
    async with httpx.AsyncClient() as client:
        await asyncio.gather(*(client.get(f"{endpoint}/?asked") for _ in range(20)))

    async def served() -> bool:
        log = await stack.run("serve", "logs", "hello", "--load-balancer", "--no-follow")
        lines = [line for line in log.out.splitlines() if "?asked" in line]
        return {1, 2} <= {int(n) for line in lines for n in re.findall(r"replica=(\d+)", line)}

    await eventually(served, what="the balancer's log names both replicas")


async def test_status_is_a_document(hello: Outcome, stack: Stack) -> None:
    document = (await stack.run("serve", "status", "hello", "--json")).document
    [service] = document["services"]
    assert (service["name"], service["status"], service["stale"]) == ("hello", "READY", False)
    assert service["endpoint"] == await stack.endpoint("hello")
    assert service["ready_replicas"] == service["target_replicas"] == 2


async def test_logs_of_both_replicas_are_told_apart(hello: Outcome, stack: Stack) -> None:
    async def written() -> bool:
        log = await stack.run("serve", "logs", "hello", "--no-follow")
        told = [re.match(r"\D*(\d+).*GET / HTTP", line) for line in log.out.splitlines()]
        return await ids(stack) <= {int(match[1]) for match in told if match}

    await eventually(written, what="each replica logged its probe")


async def test_up_of_the_same_spec_again_changes_nothing(hello: Outcome, stack: Stack) -> None:
    before = await ids(stack)
    again = await stack.run("serve", "up", HELLO / "service.yaml", "-y")
    assert "nothing was changed" in again.text
    assert await ids(stack) == before


async def test_up_of_another_spec_is_refused(hello: Outcome, stack: Stack, tmp_path: Path) -> None:
    before = (await stack.view("hello")).status.replicas
    refused = await stack.run("serve", "up", write_service(tmp_path), "-n", "hello", "-y", status=2)
    assert "runs with another spec" in refused.err
    assert "skyflow serve update" in refused.err
    assert (await stack.view("hello")).status.replicas == before


async def test_a_dry_run_creates_nothing(hello: Outcome, stack: Stack, tmp_path: Path) -> None:
    before = sorted((stack.settings.store / "services").rglob("*")), stack.machines()
    spec = write_service(tmp_path)
    plan = await stack.run("serve", "up", spec, "-n", "never", "--dry-run", "--json")
    assert plan.document["name"] == "never"
    assert await (await stack.sdk()).find("never") is None
    assert (sorted((stack.settings.store / "services").rglob("*")), stack.machines()) == before


async def test_scale_adds_and_removes_replicas(hello: Outcome, stack: Stack) -> None:
    await stack.run("serve", "scale", "hello", "3")
    await stack.ready("hello", count=3)
    incarnation = (await stack.view("hello")).status.incarnation
    await stack.run("serve", "scale", "hello", "2")
    await stack.ready("hello", count=2)
    await eventually(lambda: len(stack.machines(incarnation)) == 2, what="its machine is gone")


async def test_status_answers_while_the_worker_hangs(hello: Outcome, stack: Stack) -> None:
    state = read_state(stack.settings)
    assert state
    worker = state.process("worker")
    assert worker
    assert worker.identity
    worker.identity.send(signal.SIGSTOP)
    try:
        status = await stack.run("serve", "status", "hello", "--json")
    finally:
        worker.identity.send(signal.SIGCONT)
    [service] = status.document["services"]
    assert (service["status"], service["stale"], service["ready_replicas"]) == ("READY", True, 2)


async def test_status_answers_while_the_worker_is_dead(hello: Outcome, stack: Stack) -> None:
    state = read_state(stack.settings)
    assert state
    worker = state.process("worker")
    assert state.supervisor
    assert worker
    assert worker.identity
    # Stopped, the supervisor does not start another worker meanwhile.
    state.supervisor.send(signal.SIGSTOP)
    try:
        worker.identity.send(signal.SIGKILL)
        status = await stack.run("serve", "status", "hello", "--json")
        shown = await stack.run("serve", "status", "hello")
    finally:
        state.supervisor.send(signal.SIGCONT)
    assert status.document["services"][0]["stale"]
    assert "READY" in shown.out
    await eventually(lambda: _fresh(stack), what="another worker answers")


async def _fresh(stack: Stack) -> bool:
    return not (await stack.view("hello")).stale


@pytest.mark.parametrize("name", ["hallo", "Hello", "hello-"])
async def test_other_names_are_not_found(hello: Outcome, stack: Stack, name: str) -> None:
    answer = await stack.run("serve", "status", name, status=2)
    assert f"Service '{name}' not found" in answer.err

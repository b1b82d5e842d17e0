"""Services on machines of Amazon EC2, while everything goes well and while it does not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from skyflow.installation import installation_id
from skyflow.naming import machine_name
from skyflow.state import ReplicaPhase
from tests.clouds.aws_bench.bench import REGION, AwsBench
from tests.clouds.aws_bench.program import call, run
from tests.e2e.aws.conftest import SMALL, Up
from tests.e2e.stack import Stack, ended
from tests.e2e.test_terminated import reap
from tests.waiting import eventually

pytestmark = [pytest.mark.xdist_group("e2e-aws"), pytest.mark.timeout(400)]

REFUSED_CALLS = 4
"""More calls than one look at a machine makes, so that its end was asked for."""


async def answers(stack: Stack, name: str) -> int:
    """Ask the endpoint of a service; return the replica that answers."""
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.get(await stack.endpoint(name))
        answer.raise_for_status()
        return int(answer.json()["replica"])


async def test_two_replicas_serve_from_two_zones_and_leave_what_is_documented(
    bench: AwsBench, aws_stack: Stack, up: Up
) -> None:
    shown = await up("pair", replicas=2, load_balancing_policy="round_robin")
    assert f"aws/{REGION}" in shown.text
    instances = await bench.instances()
    assert len({each.zone for each in instances}) == 2
    assert all(each.token_needed for each in instances)
    assert len({await answers(aws_stack, "pair") for _ in range(4)}) == 2
    await aws_stack.run("serve", "down", "pair", "-y")
    assert await bench.instances() == []
    groups = await bench.account.ask(REGION, "describe_security_groups")
    installation = installation_id(aws_stack.settings)
    kept = {group["GroupName"] for group in groups["SecurityGroups"]} - {"default"}
    assert kept == {f"skyflow-{installation}"}
    volumes = await bench.account.ask(REGION, "describe_volumes")
    assert volumes["Volumes"] == []


async def test_the_next_offers_are_tried_when_the_cheapest_are_refused(
    bench: AwsBench, aws_stack: Stack, up: Up
) -> None:
    bench.refuse("InsufficientInstanceCapacity", times=5)
    await up("next")
    tried = [(call.instance_type, call.zone) for call in bench.calls("RunInstances")]
    assert len(set(tried)) == len(tried) == 6
    [instance] = await bench.instances()
    assert (instance.instance_type, instance.zone) == tried[-1]
    assert await answers(aws_stack, "next") == 1


@pytest.mark.parametrize("tokens", [True, False], ids=["tokens", "tags alone"])
async def test_a_lost_answer_leaves_one_machine(
    bench: AwsBench, aws_stack: Stack, up: Up, tokens: bool
) -> None:
    if not tokens:
        bench.ignore_client_tokens()
    bench.lose_answer("RunInstances")
    await up("lost")
    [instance] = await bench.instances()
    assert len(bench.calls("RunInstances")) == 2
    assert {call.parameters["ClientToken"] for call in bench.calls("RunInstances")} == {
        instance.tags["skyflow-machine"]
    }
    assert await answers(aws_stack, "lost") == 1


async def test_services_come_and_go_while_a_third_of_the_calls_is_throttled(
    bench: AwsBench, aws_stack: Stack, up: Up
) -> None:
    bench.throttle(0.3, seed=11)
    await up("throttled", replicas=2)
    assert len(await bench.instances()) == 2
    await aws_stack.run("serve", "down", "throttled", "-y")
    assert await bench.instances() == []


async def test_a_machine_that_was_ended_in_the_console_is_replaced(
    bench: AwsBench, aws_stack: Stack, up: Up
) -> None:
    await up("ended")
    [instance] = await bench.instances()
    await bench.terminate_behind_our_back(instance.tags["skyflow-machine"])
    assert await aws_stack.ready("ended", but=1) == [2]
    assert await answers(aws_stack, "ended") == 2


async def test_a_machine_that_is_told_that_its_end_is_likely_is_replaced_before_it(
    bench: AwsBench, aws_stack: Stack, up: Up
) -> None:
    await up("warned", resources={**SMALL, "use_spot": True})
    [instance] = await bench.instances()
    await bench.rebalance(instance.tags["skyflow-machine"])
    assert await aws_stack.ready("warned", but=1) == [2]
    assert await answers(aws_stack, "warned") == 2
    sdk = await aws_stack.sdk()

    async def ended_well() -> bool:
        view = await sdk.find("warned")
        replicas = view.status.replicas if view else ()
        [first] = [each for each in replicas if each.replica_id == 1]
        return first.phase is ReplicaPhase.PREEMPTED and "rebalance" in first.reason

    await eventually(ended_well, 60)


async def test_what_runs_goes_on_while_credentials_are_expired_and_down_waits_for_new_ones(
    bench: AwsBench, aws_stack: Stack, up: Up
) -> None:
    await up("expired")
    bench.expire_credentials()
    assert await answers(aws_stack, "expired") == 1
    before = len(bench.calls())
    going = await aws_stack.start("serve", "down", "expired", "-y")
    await eventually(lambda: len(bench.calls()) >= before + REFUSED_CALLS)
    assert len(await bench.instances()) == 1
    bench.renew_credentials()
    assert (await ended(going)).status == 0
    assert await bench.instances() == []


async def test_a_service_that_comes_while_credentials_are_expired_says_what_to_do(
    bench: AwsBench, aws_stack: Stack, up: Up
) -> None:
    bench.refuse("RequestExpired")
    shown = await up("without", status=1)
    assert "renew the credentials" in shown.text


async def test_what_a_former_run_has_left_is_ended_and_what_others_have_is_not(
    bench: AwsBench, aws_stack: Stack
) -> None:
    installation = installation_id(aws_stack.settings)
    await run(bench, "left", TagSpecifications=tags_of_a_machine(installation))
    others = await run(bench, "others", TagSpecifications=tags_of_a_machine("ffffffff"))
    await reap(aws_stack)
    assert [each.instance_id for each in await bench.instances()] == [others]
    await call(bench, "terminate_instances", InstanceIds=[others])


def tags_of_a_machine(installation: str) -> list[dict[str, Any]]:
    """Return the tags of the first machine of a service of an installation."""
    name = machine_name(installation, "5e41fe1d", replica_id=1, node=0, attempt=1)
    tags = {"skyflow-installation": installation, "skyflow-machine": name}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": "instance", "Tags": listed}]


async def test_an_image_that_does_not_exist_is_said_to_be_the_reason(
    bench: AwsBench, aws_stack: Stack, up: Up
) -> None:
    image = "ami-0123456789abcdef0"
    shown = await up("imageless", status=1, resources={**SMALL, "image_id": image})
    assert image in shown.text
    assert "image_id" in shown.text
    assert bench.calls("RunInstances") == []
    # No other type of the region would do better.
    assert len(bench.calls("DescribeImages")) == 1

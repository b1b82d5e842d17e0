"""Ports are given out once, and every service learns of every balancer."""

from __future__ import annotations

from skyflow.contracts import (
    BalancerRegistration,
    Balancers,
    InstallationState,
    Message,
    Slot,
    SlotRelease,
    SlotRequest,
)
from skyflow.naming import INSTALLATION_WORKFLOW_ID
from skyflow.updates import ask_installation
from skyflow.watching.balancers import known_admins
from tests.waiting import eventually
from tests.workflows.harness import Controller, version


async def reserve(
    controller: Controller, service: str, *refused: int, incarnation: str = "1"
) -> int:
    request = SlotRequest(service=service, incarnation=incarnation, refused_ports=refused)
    slot = await ask_installation(controller.client, Message.RESERVE, request, Slot)
    return slot.port


async def test_each_service_gets_a_port_of_its_own_and_keeps_it(controller: Controller) -> None:
    assert await reserve(controller, "a") == 30001
    assert await reserve(controller, "b") == 30002
    assert await reserve(controller, "a") == 30001


async def test_names_that_differ_only_a_little_are_apart(controller: Controller) -> None:
    ports = [await reserve(controller, name) for name in ("a-b", "a_b", "A-B")]
    assert len(set(ports)) == 3


async def test_a_released_port_is_given_out_again(controller: Controller) -> None:
    await reserve(controller, "a")
    release = SlotRelease(service="a", incarnation="1")
    assert await ask_installation(controller.client, Message.RELEASE, release, bool)
    assert not await ask_installation(controller.client, Message.RELEASE, release, bool)
    assert await reserve(controller, "b") == 30001


async def test_a_release_by_an_earlier_incarnation_changes_nothing(controller: Controller) -> None:
    await reserve(controller, "a", incarnation="2")
    release = SlotRelease(service="a", incarnation="1")
    assert not await ask_installation(controller.client, Message.RELEASE, release, bool)
    assert await reserve(controller, "b") == 30002


async def test_refused_ports_are_passed_over(controller: Controller) -> None:
    await reserve(controller, "a")
    assert await reserve(controller, "a", 30001, 30002) == 30003


async def test_services_learn_of_a_balancer_that_comes_later(controller: Controller) -> None:
    controller.world.balancers = ()
    await controller.apply(version(replicas=1))
    await reserve(controller, controller.name)
    registration = BalancerRegistration(balancer="main")
    known = await ask_installation(
        controller.client, Message.REGISTER_BALANCER, registration, Balancers
    )
    assert known.ids == ("main",)
    await controller.until_serving(1)


async def register(controller: Controller, balancer: str, admin: str) -> None:
    registration = BalancerRegistration(balancer=balancer, admin=admin)
    await ask_installation(controller.client, Message.REGISTER_BALANCER, registration, Balancers)


async def test_where_a_balancer_is_asked_is_known_until_it_moves(controller: Controller) -> None:
    assert await known_admins(controller.client) == {}
    await register(controller, "main", "http://127.0.0.1:1")
    await register(controller, "other", "")
    assert await known_admins(controller.client) == {"main": "http://127.0.0.1:1", "other": ""}
    await register(controller, "main", "")
    await register(controller, "main", "http://127.0.0.1:2")
    assert (await known_admins(controller.client))["main"] == "http://127.0.0.1:2"


async def test_where_balancers_are_asked_is_carried_over(controller: Controller) -> None:
    await register(controller, "main", "http://127.0.0.1:1")
    installation = controller.client.get_workflow_handle(INSTALLATION_WORKFLOW_ID)
    run = (await installation.describe()).run_id
    await installation.signal(Message.CHECKPOINT)

    async def went_on() -> bool:
        return (await installation.describe()).run_id != run

    await eventually(went_on)
    assert await known_admins(controller.client) == {"main": "http://127.0.0.1:1"}


def test_what_an_earlier_version_carries_over_is_read() -> None:
    earlier = InstallationState.model_validate({"slots": {"a": ["1", 30001]}, "balancers": ["b"]})
    assert earlier.admins == {}

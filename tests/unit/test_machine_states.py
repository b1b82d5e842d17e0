"""What clouds say of machines is asked for many at a time, and always answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from skyflow.clouds.base import Machine, MachineState
from skyflow.config import Settings
from skyflow.errors import UsageError
from skyflow.placement.offers import Place
from skyflow.watching.machines import MachineStates


def machine(cloud: str, name: str = "skyflow-a") -> Machine:
    return Machine(
        name=name,
        place=Place(cloud=cloud, region=cloud, zone=cloud, instance_type=cloud),
        address="127.0.0.1",
        ssh_user="nobody",
        internal_address="127.0.0.1",
        replica_port=8080,
    )


async def test_machines_that_are_asked_about_together_are_each_told(tmp_path: Path) -> None:
    states = MachineStates(Settings(home=tmp_path), collect_seconds=0)
    asked = [states.state(machine("local", name)) for name in ("a", "b", "a")]
    assert await asyncio.gather(*asked) == [MachineState.GONE] * 3


async def test_a_cloud_that_is_not_there_is_an_error_and_no_endless_wait(tmp_path: Path) -> None:
    states = MachineStates(Settings(home=tmp_path), collect_seconds=0)
    with pytest.raises(UsageError):
        async with asyncio.timeout(5):
            await states.state(machine("nowhere"))

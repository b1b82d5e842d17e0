from __future__ import annotations

from typing import Any

import pytest

from skyflow.clouds.aws.instances import state_of
from skyflow.clouds.base import MachineState


@pytest.mark.parametrize(
    ("name", "reason", "state"),
    [
        ("pending", "pending", MachineState.STARTING),
        ("running", "", MachineState.RUNNING),
        ("stopping", "Client.UserInitiatedShutdown", MachineState.STOPPED),
        ("stopped", "Server.SpotInstanceShutdown", MachineState.STOPPED),
        ("shutting-down", "Server.SpotInstanceTermination", MachineState.PREEMPTED),
        ("terminated", "Server.SpotInstanceTermination", MachineState.PREEMPTED),
        ("terminated", "Client.UserInitiatedShutdown", MachineState.GONE),
        ("terminated", "", MachineState.GONE),
    ],
)
def test_states_of_instances(name: str, reason: str, state: MachineState) -> None:
    instance: dict[str, Any] = {"State": {"Name": name}, "StateReason": {"Code": reason}}
    assert state_of(instance) is state
    older = {"State": {"Name": name}, "StateTransitionReason": f"{reason}: says AWS"}
    assert state_of(older) is state

from __future__ import annotations

import json
import subprocess

import pytest

from skyflow.clouds.base import Machine
from skyflow.errors import UsageError
from skyflow.placement.offers import Place
from skyflow.remote.environment import ReplicaContext, render, replica_environment


def machine(number: int) -> Machine:
    return Machine(
        name=f"m{number}",
        place=Place(cloud="aws", region="us-east-1", zone="us-east-1a", instance_type="g5"),
        address=f"1.1.1.{number}",
        ssh_user="ubuntu",
        internal_address=f"10.0.0.{number}",
        replica_port=9000 + number,
    )


CONTEXT = ReplicaContext(
    service="llm",
    incarnation="abc",
    version=3,
    replica_id=7,
    nodes=(machine(0), machine(1)),
    node=1,
    gpus_per_node=4,
)


def test_a_replica_knows_what_it_is() -> None:
    variables = replica_environment(CONTEXT, {"MODEL": "m"})
    assert variables["MODEL"] == "m"
    assert variables["SKYFLOW_REPLICA_PORT"] == "9001"
    assert variables["SKYFLOW_REPLICA_ID"] == variables["SKYPILOT_SERVE_REPLICA_ID"] == "7"
    assert variables["SKYFLOW_SERVICE_NAME"] == "llm"
    assert variables["SKYFLOW_SERVICE_VERSION"] == "3"


def test_the_nodes_of_a_replica_know_each_other_as_in_skypilot() -> None:
    variables = replica_environment(CONTEXT, {})
    for prefix in ("SKYPILOT_", "SKYPILOT_SETUP_", "SKYFLOW_"):
        assert variables[f"{prefix}NODE_RANK"] == "1"
        assert variables[f"{prefix}NODE_IPS"] == "10.0.0.0\n10.0.0.1"
        assert variables[f"{prefix}NUM_GPUS_PER_NODE"] == "4"
    assert variables["SKYPILOT_NUM_NODES"] == "2"
    assert json.loads(variables["SKYPILOT_CLUSTER_INFO"])["region"] == "us-east-1"


def test_a_spec_cannot_replace_what_a_replica_is_told() -> None:
    variables = replica_environment(CONTEXT, {"SKYFLOW_REPLICA_ID": "999"})
    assert variables["SKYFLOW_REPLICA_ID"] == "7"


@pytest.mark.parametrize(
    "value", ["plain", "two  words", "it's", '"$HOME" `id` \\', "a\nb\n", "", "ünï", "!x"]
)
def test_bash_reads_every_value_as_it_is(value: str) -> None:
    script = render({"VALUE": value}) + "printenv VALUE; echo -n ."
    shown = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout == f"{value}\n."


@pytest.mark.parametrize("name", ["", "1X", "A-B", "A B", "A;id", "A\n"])
def test_a_name_that_bash_cannot_have_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be an environment variable"):
        render({name: "x"})


def test_a_value_with_a_nul_byte_is_an_error_that_does_not_show_it() -> None:
    with pytest.raises(UsageError, match="NUL") as caught:
        render({"TOKEN": "hush\0hush"})
    assert "hush" not in str(caught.value)


def test_python_keeps_no_lines_to_itself_unless_it_is_told_to() -> None:
    assert replica_environment(CONTEXT, {})["PYTHONUNBUFFERED"] == "1"
    assert replica_environment(CONTEXT, {"PYTHONUNBUFFERED": ""})["PYTHONUNBUFFERED"] == ""

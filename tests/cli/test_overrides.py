"""Options of `up` and `validate` that win over the service YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from tests.cli.conftest import Run, change


async def validated(run: Run, yaml: Path, *arguments: str) -> dict[str, Any]:
    result = await run("serve", "validate", str(yaml), "--json", *arguments)
    assert result.exit_code == Exit.OK, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--infra", "aws/us-east-1"), {"cloud": "aws", "region": "us-east-1"}),
        (("--cloud", "gcp"), {"cloud": "gcp"}),
        (("--cloud", "aws", "--zone", "a"), {"cloud": "aws", "region": None, "zone": "a"}),
        (("--gpus", "L4:8"), {"accelerator": "L4", "accelerator_count": 8}),
        (("--cpus", "4+"), {"cpus": 4, "cpus_or_more": True}),
        (("--memory", "16GB"), {"memory_gib": 16, "memory_or_more": False}),
        (("--disk-size", "1TB"), {"disk_gib": 1024}),
        (("--use-spot",), {"use_spot": True}),
        (("--no-use-spot",), {"use_spot": False}),
        (("--instance-type", "big"), {"instance_type": "big"}),
        (("-t", "big"), {"instance_type": "big"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
async def test_an_option_wins_over_the_file(
    run: Run, yaml: Path, arguments: tuple[str, ...], expected: dict[str, Any]
) -> None:
    [resources] = (await validated(run, yaml, *arguments))["resources"]
    assert expected.items() <= resources.items()


@pytest.mark.parametrize("gpus", ["{L4: 8, A10G}", "{L4:8, A10G}", "[L4:8, A10G]"])
async def test_gpus_take_every_form_of_accelerators(run: Run, yaml: Path, gpus: str) -> None:
    resources = (await validated(run, yaml, "--gpus", gpus))["resources"]
    assert [request["accelerator"] for request in resources] == ["L4", "A10G"]


async def test_the_number_of_nodes_can_be_given(run: Run, yaml: Path) -> None:
    assert (await validated(run, yaml, "--num-nodes", "3"))["nodes_per_replica"] == 3


async def test_ports_can_be_given(run: Run, yaml: Path) -> None:
    change(yaml, "cloud: local", "cloud: local\n  ports: 9000")
    assert (await validated(run, yaml, "--ports", "8001"))["port"] == 8001


async def test_several_ports_can_be_given(run: Run, yaml: Path) -> None:
    change(yaml, "replicas: 2", "replicas: 2\n  ports: 8005")
    answer = await validated(run, yaml, "--ports", "8001", "--ports", "8005-8006")
    assert answer["port"] == 8005


async def test_every_alternative_is_changed(run: Run, yaml: Path) -> None:
    change(yaml, "  cloud: local", "  any_of:\n  - {cloud: aws, cpus: 2}\n  - {cloud: gcp}")
    resources = (await validated(run, yaml, "--cpus", "8"))["resources"]
    assert [(each["cloud"], each["cpus"]) for each in resources] == [("aws", 8), ("gcp", 8)]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--infra", "a/b/c/d"),
        ("--gpus", "L4:none"),
        ("--gpus", "{L4"),
        ("--cpus", "four"),
        ("--memory", "16XB"),
        ("--disk-size", "big"),
        ("--disk-tier", "fast"),
        ("--image-id", "an image"),
        ("--instance-type", "a b"),
        ("--ports", "http"),
        ("--num-nodes", "0"),
        ("--workdir", "no-such-directory"),
    ],
)
async def test_a_value_that_is_not_allowed_names_the_option(
    run: Run, yaml: Path, option: str, value: str
) -> None:
    result = await run("serve", "validate", str(yaml), option, value)
    assert result.exit_code == Exit.USAGE, result.output
    assert option in result.stderr


async def test_both_forms_of_a_place_are_refused(run: Run, yaml: Path) -> None:
    result = await run("serve", "validate", str(yaml), "--infra", "aws", "--region", "a")
    assert result.exit_code == Exit.USAGE
    assert "--infra is given beside --region" in result.stderr

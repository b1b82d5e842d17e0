"""Requests for machines at AWS."""

from __future__ import annotations

from typing import Any

from skyflow.clouds.base import MachineRequest
from skyflow.placement.offers import Place
from tests.clouds.aws.account import REGION

INSTALLATION = "0a1b2c3d"
INCARNATION = "00ff"
NAME = f"skyflow-{INSTALLATION}-{INCARNATION}-1-0-1"


def place(**fields: Any) -> Place:
    usual = {"region": REGION, "zone": "us-east-1b", "instance_type": "g5.xlarge"}
    return Place(cloud="aws", **{**usual, **fields})


def request(name: str = NAME, **fields: Any) -> MachineRequest:
    return MachineRequest(**{"name": name, "place": place(), "port": 8080, **fields})

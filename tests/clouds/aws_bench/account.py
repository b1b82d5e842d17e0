"""The account behind the front, asked past the front: what is really there, and ending it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLEOFBENCH00", "AWS_SECRET_ACCESS_KEY": "example"}
REGIONS = ("us-east-1", "us-west-2")
"""Regions that the account has enabled; the first is the one it asks first."""
GONE = ("shutting-down", "terminated")


@dataclass(frozen=True)
class Instance:
    """An instance as the account has it."""

    instance_id: str
    region: str
    zone: str
    instance_type: str
    image_id: str
    state: str
    spot: bool
    token_needed: bool
    """Whether its metadata service refuses version 1."""
    profile: str
    """ARN of its instance profile; empty if it has none."""
    client_token: str
    tags: dict[str, str]

    @property
    def gone(self) -> bool:
        return self.state in GONE


class Account:
    """Clients of moto for each region."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = boto3.Session(
            CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
        )
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str) -> Any:
        """Return a boto3 client that no failure of the script concerns."""
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = self._session.client(
                service, region, endpoint_url=self._url, config=Config(user_agent_extra="bench")
            )
        return self._clients[key]

    async def ask(self, region: str, action: str, service: str = "ec2", **parameters: Any) -> Any:
        """Call an operation by its name in boto3; the event loop goes on meanwhile."""
        return await asyncio.to_thread(self._ask, service, region, action, parameters)

    async def instances(self, region: str) -> list[Instance]:
        """Return every instance of a region that the account knows of, terminated ones too."""
        answer = await self.ask(region, "describe_instances")
        return [
            _instance(region, found)
            for reservation in answer["Reservations"]
            for found in reservation["Instances"]
        ]

    async def zones_of_subnets(self, region: str) -> dict[str, str]:
        """Return the availability zone of each subnet."""
        answer = await self.ask(region, "describe_subnets")
        return {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in answer["Subnets"]}

    def _ask(self, service: str, region: str, action: str, parameters: dict[str, Any]) -> Any:
        return getattr(self.client(service, region), action)(**parameters)


def _instance(region: str, found: dict[str, Any]) -> Instance:
    return Instance(
        instance_id=found["InstanceId"],
        region=region,
        zone=found["Placement"]["AvailabilityZone"],
        instance_type=found["InstanceType"],
        image_id=found["ImageId"],
        state=found["State"]["Name"],
        spot=found.get("InstanceLifecycle") == "spot",
        token_needed=found.get("MetadataOptions", {}).get("HttpTokens") == "required",
        profile=found.get("IamInstanceProfile", {}).get("Arn", ""),
        client_token=found.get("ClientToken", ""),
        tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", ())},
    )

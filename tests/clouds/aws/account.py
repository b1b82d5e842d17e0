"""An account at moto, asked and changed past skyflow."""

from __future__ import annotations

import urllib.request
from typing import Any

import boto3

REGION = "us-east-1"
Instance = dict[str, Any]


class AccountView:
    """What an account has."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._session = boto3.Session("AKIATEST", "test")

    def client(self, service: str = "ec2", region: str = REGION) -> Any:
        return self._session.client(service, region, endpoint_url=self._endpoint)

    def empty(self) -> None:
        """Let moto begin anew, with nothing in any account."""
        request = urllib.request.Request(f"{self._endpoint}/moto-api/reset", method="POST")
        urllib.request.urlopen(request).close()

    def instances(self, region: str = REGION) -> list[Instance]:
        """Return the instances that have not ended."""
        found = self.client(region=region).describe_instances()["Reservations"]
        return [
            instance
            for reservation in found
            for instance in reservation["Instances"]
            if instance["State"]["Name"] not in ("terminated", "shutting-down")
        ]

    def groups(self, region: str = REGION) -> list[dict[str, Any]]:
        """Return the security groups that were made."""
        found = self.client(region=region).describe_security_groups()["SecurityGroups"]
        return [group for group in found if group["GroupName"] != "default"]

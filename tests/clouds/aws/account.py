"""An account at moto, asked and changed past skyflow."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable
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

    def restrict(self, actions: Iterable[str]) -> tuple[str, str]:
        """Let nobody do anything but a new user, who may do some actions; return his keys."""
        iam = self.client("iam")
        iam.create_user(UserName="restricted")
        statement = {"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_user_policy(
            UserName="restricted", PolicyName="some", PolicyDocument=json.dumps(document)
        )
        made = iam.create_access_key(UserName="restricted")["AccessKey"]
        self._control("reset-auth", b"0")
        return made["AccessKeyId"], made["SecretAccessKey"]

    def empty(self) -> None:
        """Let moto begin anew, with nothing in any account."""
        self._control("reset-auth", b"inf")
        self._control("reset")

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

    def _control(self, action: str, body: bytes = b"") -> None:
        url = f"{self._endpoint}/moto-api/{action}"
        headers = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST")).close()

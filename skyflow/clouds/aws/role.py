"""The role of an installation's machines, by which they get at the buckets that they mount."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skyflow.clouds.aws.bucket_policy import (
    TRUST,
    policy_document,
    policy_name,
    policy_prefix,
)
from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.errors import code_of
from skyflow.clouds.aws.tags import INSTALLATION_TAG
from skyflow.errors import CloudError, CredentialsError
from skyflow.placement.offers import BucketPrefix

_MISSING = "NoSuchEntity"
_EXISTS = "EntityAlreadyExists"
_HAS_A_ROLE = "LimitExceeded"
"""What IAM says of an instance profile that is to get a second role."""


class InstanceRole:
    """An IAM role with an instance profile, made when a service first mounts a bucket.

    Each service has policies of its own in it, so that several workers can give and take access at
    once. Without any, the role allows nothing. A file says that it may have been made, so that
    installations that never mount a bucket need no permissions of IAM.
    """

    def __init__(self, api: AwsApi, directory: Path) -> None:
        """Keep the file in a directory."""
        self._api = api
        self._mark = directory / "instance-role"

    async def grant(
        self, installation: str, incarnation: str, buckets: Sequence[BucketPrefix], region: str
    ) -> str:
        """Let machines of a service at buckets, and return the name of their instance profile.

        IAM is eventually consistent: for some seconds EC2 may not know the profile, nor S3 the
        policy.

        Raises:
            CredentialsError: It is not allowed, or the role has no room for more.
            CloudError: It could not be done.

        """
        name = _name(installation)
        if not await self._is_whole(name):
            await self._make(name, installation)
        await self._call(
            "put_role_policy",
            RoleName=name,
            PolicyName=policy_name(incarnation, buckets),
            PolicyDocument=policy_document(buckets, region),
        )
        return name

    async def withdraw(self, installation: str, incarnation: str) -> None:
        """Let machines of a service at no bucket any more.

        Raises:
            CloudError: It could not be done.

        """
        if await asyncio.to_thread(self._mark.exists):
            await self._remove_policies(_name(installation), policy_prefix(incarnation))

    async def remove(self, installation: str) -> None:
        """Remove the role and the instance profile; no machine may have them.

        Raises:
            CloudError: It could not be done.

        """
        if not await asyncio.to_thread(self._mark.exists):
            return
        name = _name(installation)
        await self._remove_policies(name, "")
        await self._ensure(
            _MISSING, "remove_role_from_instance_profile", InstanceProfileName=name, RoleName=name
        )
        await self._ensure(_MISSING, "delete_instance_profile", InstanceProfileName=name)
        await self._ensure(_MISSING, "delete_role", RoleName=name)
        await asyncio.to_thread(self._mark.unlink, missing_ok=True)

    async def _is_whole(self, name: str) -> bool:
        """Return whether there is an instance profile, and a role in it."""
        try:
            found = await self._call("get_instance_profile", InstanceProfileName=name)
        except CloudError as error:
            if code_of(error) != _MISSING:
                raise
            return False
        roles: list[object] = found["InstanceProfile"]["Roles"]
        return bool(roles)

    async def _make(self, name: str, installation: str) -> None:
        tags = [{"Key": INSTALLATION_TAG, "Value": installation}]
        was_marked = await asyncio.to_thread(self._mark.exists)
        await asyncio.to_thread(self._mark.parent.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(self._mark.touch)
        try:
            await self._ensure(
                _EXISTS,
                "create_role",
                RoleName=name,
                AssumeRolePolicyDocument=TRUST,
                Description="Machines of skyflow: the buckets that services mount",
                Tags=tags,
            )
        except CredentialsError:
            # Nothing was made, and whoever may not make it need not be able to look for it.
            if not was_marked:
                await asyncio.to_thread(self._mark.unlink, missing_ok=True)
            raise
        await self._ensure(_EXISTS, "create_instance_profile", InstanceProfileName=name, Tags=tags)
        await self._ensure(
            _HAS_A_ROLE, "add_role_to_instance_profile", InstanceProfileName=name, RoleName=name
        )

    async def _remove_policies(self, role: str, prefix: str) -> None:
        try:
            # Policies of a role have 10,240 characters together: one page has them all.
            found = await self._call("list_role_policies", RoleName=role, MaxItems=1000)
        except CloudError as error:
            if code_of(error) != _MISSING:
                raise
            return
        for policy in found["PolicyNames"]:
            if policy.startswith(prefix):
                await self._ensure(_MISSING, "delete_role_policy", RoleName=role, PolicyName=policy)

    async def _ensure(self, done: str, operation: str, **arguments: Any) -> None:
        """Call an operation; a certain error code means that it was done before."""
        try:
            await self._call(operation, **arguments)
        except CloudError as error:
            if code_of(error) != done:
                raise

    async def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        region = await self._api.home_region()
        return await self._api.call("iam", operation, region, **arguments)


def _name(installation: str) -> str:
    return f"skyflow-{installation}"

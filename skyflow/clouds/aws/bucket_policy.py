"""What the role of an installation's machines may do: pure functions of what services mount."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from skyflow.placement.offers import BucketPrefix

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
"""Who may take the role: instances of EC2."""

_READ = ("s3:GetObject",)
_WRITE = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject")
"""Actions on objects that Mountpoint uses ("IAM permissions" of its configuration)."""
_SPECIAL = re.compile(r"[*?$]")
_PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))


def policy_name(incarnation: str, buckets: Sequence[BucketPrefix]) -> str:
    """Return the name of a service's policy: another one for other buckets."""
    listed = json.dumps([bucket.model_dump() for bucket in buckets], sort_keys=True)
    return f"{policy_prefix(incarnation)}{sha256(listed.encode()).hexdigest()[:8]}"


def policy_prefix(incarnation: str) -> str:
    """Return what the names of a service's policies begin with."""
    return f"{incarnation}-"


def policy_document(buckets: Sequence[BucketPrefix], region: str) -> str:
    """Return the policy that lets machines at some buckets, each below its prefix only.

    Args:
        buckets: What is mounted.
        region: Any region of the partition that the buckets are in.

    """
    partition = next((name for start, name in _PARTITIONS if region.startswith(start)), "aws")
    statements = [each for bucket in buckets for each in _statements(bucket, partition)]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _statements(bucket: BucketPrefix, partition: str) -> list[dict[str, Any]]:
    arn = f"arn:{partition}:s3:::{bucket.bucket}"
    prefix = _SPECIAL.sub(lambda found: f"${{{found[0]}}}", bucket.prefix)
    listing: dict[str, Any] = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn}
    if prefix:
        listing["Condition"] = {"StringLike": {"s3:prefix": f"{prefix}*"}}
    actions = list(_READ if bucket.read_only else _READ + _WRITE)
    return [listing, {"Effect": "Allow", "Action": actions, "Resource": f"{arn}/{prefix}*"}]

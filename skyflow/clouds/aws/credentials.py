"""Credentials of AWS: whether there may be any, and a session that uses them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from skyflow.clouds.aws.settings import AwsSettings

_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
_FILES = (
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ("AWS_CONFIG_FILE", "~/.aws/config"),
)
_VENDOR = Path("/sys/class/dmi/id/sys_vendor")
"""What Linux says of who made the computer; "Amazon EC2" on instances with the Nitro system."""
_HYPERVISOR = Path("/sys/hypervisor/uuid")
"""Begins with "ec2" on older instances ("Detect whether a host is an EC2 instance", EC2 User
Guide)."""


def may_exist(settings: AwsSettings) -> bool:
    """Return whether boto3 may find credentials; asks nobody and imports nothing."""
    if settings.profile or any(os.environ.get(variable) for variable in _VARIABLES):
        return True
    files = (Path(os.environ.get(name) or usual).expanduser() for name, usual in _FILES)
    return any(file.is_file() for file in files) or has_metadata()


def has_metadata() -> bool:
    """Return whether this computer is an EC2 instance whose role may be used."""
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return False
    return _text(_VENDOR).startswith("Amazon") or _text(_HYPERVISOR).startswith("ec2")


def new_session(settings: AwsSettings) -> Any:
    """Return a new boto3 session, which reads the credentials anew.

    Raises:
        botocore.exceptions.ProfileNotFound: There is no such profile.

    """
    import boto3
    import botocore.session

    core = botocore.session.Session(profile=settings.profile)
    if not has_metadata():
        # Elsewhere nobody answers at the metadata service's address, for seconds.
        core.get_component("credential_provider").remove("iam-role")
    return boto3.Session(botocore_session=core)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

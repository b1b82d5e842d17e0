"""What the errors of AWS mean, and what to do about them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from botocore import exceptions
from botocore.parsers import ResponseParserError

from skyflow.errors import (
    CloudError,
    CredentialsError,
    InvalidImage,
    InvalidRequest,
    NoCapacity,
    QuotaExceeded,
)

LIBRARY_ERRORS = (exceptions.ClientError, exceptions.BotoCoreError, ResponseParserError)
"""What a call of boto3 raises."""

Kind = type[CloudError]

POLICY = "docs/clouds/aws.md has the policy that skyflow needs"
_RAISE_QUOTA = "raise it at https://console.aws.amazon.com/servicequotas, or use another region"
_OTHER_ZONE = "skyflow tries other zones, regions and types that the resources allow"
_RENEW = "renew the credentials, such as with `aws sso login`; `skyflow check` says what is used"
_RENEW_OR_CLOCK = f"{_RENEW}; if they are valid, set this computer's clock"
"""For EC2, which says the same of a session that is over and of a clock that is minutes off."""

KINDS: Mapping[str, tuple[Kind, str]] = MappingProxyType(
    {
        # Nothing free here now.
        "InsufficientInstanceCapacity": (NoCapacity, _OTHER_ZONE),
        "InsufficientHostCapacity": (NoCapacity, _OTHER_ZONE),
        "InsufficientReservedInstanceCapacity": (NoCapacity, _OTHER_ZONE),
        "InsufficientCapacity": (NoCapacity, _OTHER_ZONE),
        "InsufficientVolumeCapacity": (NoCapacity, _OTHER_ZONE),
        "InsufficientFreeAddressesInSubnet": (NoCapacity, "add a subnet in that zone"),
        "SpotMaxPriceTooLow": (NoCapacity, _OTHER_ZONE),
        "SpotInstanceTermination": (NoCapacity, _OTHER_ZONE),
        "SpotInstanceShutdown": (NoCapacity, _OTHER_ZONE),
        # Limits of the account in the region.
        "VcpuLimitExceeded": (QuotaExceeded, _RAISE_QUOTA),
        "InstanceLimitExceeded": (QuotaExceeded, _RAISE_QUOTA),
        "MaxSpotInstanceCountExceeded": (QuotaExceeded, _RAISE_QUOTA),
        "VolumeLimitExceeded": (QuotaExceeded, _RAISE_QUOTA),
        "MaxIOPSLimitExceeded": (QuotaExceeded, _RAISE_QUOTA),
        "NetworkInterfaceLimitExceeded": (QuotaExceeded, _RAISE_QUOTA),
        "SecurityGroupLimitExceeded": (QuotaExceeded, _RAISE_QUOTA),
        "SecurityGroupsPerInstanceLimitExceeded": (QuotaExceeded, _RAISE_QUOTA),
        "RulesPerSecurityGroupLimitExceeded": (
            QuotaExceeded,
            "remove rules of unused ports from the security group, or raise the quota",
        ),
        "ResourceCountExceeded": (QuotaExceeded, _RAISE_QUOTA),
        "PendingVerification": (
            QuotaExceeded,
            "AWS is verifying the account for this region; wait",
        ),
        # Somebody must act on the account.
        "UnauthorizedOperation": (CredentialsError, POLICY),
        "AccessDenied": (CredentialsError, POLICY),
        "AccessDeniedException": (CredentialsError, POLICY),
        "AuthFailure": (
            CredentialsError,
            "use valid credentials, and enable the region for the account if it is not",
        ),
        "LimitExceeded": (
            CredentialsError,
            "raise IAM's quota, or mount fewer buckets: all that services mount is in one role",
        ),
        "Blocked": (CredentialsError, "contact AWS Support about the account"),
        "ExpiredToken": (CredentialsError, _RENEW),
        "ExpiredTokenException": (CredentialsError, _RENEW),
        "InvalidClientTokenId": (CredentialsError, "use credentials that exist"),
        "UnrecognizedClientException": (CredentialsError, "use credentials that exist"),
        "IncompleteSignature": (CredentialsError, "use whole credentials"),
        "SignatureDoesNotMatch": (CredentialsError, "correct the secret access key"),
        "MissingAuthenticationToken": (CredentialsError, "use whole credentials"),
        "RequestExpired": (CredentialsError, _RENEW_OR_CLOCK),
        "OptInRequired": (CredentialsError, "activate the account, or enable the region for it"),
        # The request can never succeed.
        "InvalidInput": (InvalidRequest, ""),
        "InvalidParameter": (InvalidRequest, ""),
        "InvalidParameterCombination": (InvalidRequest, ""),
        "InvalidParameterValue": (InvalidRequest, ""),
        "MalformedPolicyDocument": (InvalidRequest, "correct the URLs of mounted buckets"),
        "MissingParameter": (InvalidRequest, ""),
        "UnknownParameter": (InvalidRequest, ""),
        "InvalidBlockDeviceMapping": (InvalidRequest, "correct disk_size or disk_tier"),
        "InvalidInstanceType": (InvalidRequest, "correct instance_type"),
        "InvalidZone.NotFound": (InvalidRequest, "correct the zone"),
        "InvalidIamInstanceProfileArn.Malformed": (
            InvalidRequest,
            "correct SKYFLOW_AWS_INSTANCE_PROFILE",
        ),
        "ParameterNotFound": (InvalidRequest, "give image_id as ami-... for this region"),
        "TagLimitExceeded": (InvalidRequest, "use fewer labels"),
        "Unsupported": (InvalidRequest, "use another instance type"),
        "UnsupportedOperation": (InvalidRequest, ""),
        "UnsupportedTenancy": (InvalidRequest, "use a VPC with default tenancy"),
    }
)
"""Kind and remedy by error code. Codes: "Error codes for the Amazon EC2 API" of the EC2 API
Reference, and "Common error types" of those of IAM, STS and Systems Manager."""

_BEGINNINGS: tuple[tuple[str, Kind, str], ...] = (
    ("InvalidAMIID.", InvalidImage, "give image_id an image that this region has"),
    ("InvalidSubnetID.", InvalidRequest, "correct SKYFLOW_AWS_SUBNETS"),
    ("InvalidVpcID.", InvalidRequest, "correct SKYFLOW_AWS_VPC"),
)

THROTTLED = frozenset(
    {
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes that ask for fewer requests, as botocore's standard retry mode has them."""

_NOT_SEEN_YET = frozenset({"InvalidGroup.NotFound", "InvalidInstanceID.NotFound"})
"""Codes for what was made or seen a moment ago: EC2 is eventually consistent."""
_CHANGED_MEANWHILE = frozenset({"ConcurrentModification", "EntityTemporarilyUnmodifiable"})
"""Codes of IAM for what somebody else changes at the moment."""
_STALE = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "RequestExpired",
        "UnrecognizedClientException",
    }
)
_FORBIDDEN = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"})
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.SSOError,
    exceptions.TokenRetrievalError,
)
_ENCODED = re.compile(r"\s*Encoded authorization failure message:\s*\S+")
_ACTION = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z0-9*]+)")


def code_of(problem: BaseException) -> str:
    """Return AWS's code of an error, or of what an error of skyflow stems from; empty if none."""
    if isinstance(problem, CloudError) and problem.__cause__:
        problem = problem.__cause__
    if isinstance(problem, exceptions.ClientError):
        return str(problem.response.get("Error", {}).get("Code", ""))
    return ""


def is_transient(problem: BaseException) -> bool:
    """Return whether the same request may well succeed in a moment."""
    if not isinstance(problem, exceptions.ClientError):
        broken = (exceptions.ConnectionError, exceptions.HTTPClientError, ResponseParserError)
        return isinstance(problem, broken)
    code = code_of(problem)
    status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # EC2 reports a lack of capacity with status 500, which is no reason to ask again.
    again = THROTTLED | _NOT_SEEN_YET | _CHANGED_MEANWHILE
    return code in again or (status >= 500 and code not in KINDS)


def is_stale(problem: BaseException) -> bool:
    """Return whether credentials that are read anew may be better ones."""
    return code_of(problem) in _STALE


def is_forbidden(problem: BaseException) -> bool:
    """Return whether a policy forbids what was asked, the account's or its organisation's."""
    return code_of(problem) in _FORBIDDEN


def is_unseen_profile(error: CloudError) -> bool:
    """Return whether EC2 does not know an instance profile, or its role, which may be new."""
    return code_of(error) == "InvalidParameterValue" and "IAM Instance Profile" in error.message


def typed(problem: Exception, service: str, operation: str, region: str) -> CloudError:
    """Return an error of boto3 as the error of that meaning, with the remedy."""
    if isinstance(problem, exceptions.ClientError):
        text = str(problem.response.get("Error", {}).get("Message", ""))
        return error_of(code_of(problem), text, service, operation, region)
    what = f"{operation} in {region}: {problem}"
    if isinstance(problem, _NO_CREDENTIALS):
        return CredentialsError(what, "set up credentials that boto3 finds: docs/clouds/aws.md")
    if isinstance(problem, exceptions.ParamValidationError):
        return InvalidRequest(what)
    if is_transient(problem):
        return CloudError(what, "check that AWS can be reached from this computer")
    return CloudError(what)


def error_of(code: str, text: str, service: str, operation: str, region: str) -> CloudError:
    """Return the error that a code and its message stand for."""
    kind, remedy = _meaning(code, text, operation)
    message = f"{operation} in {region}: {code}: {_ENCODED.sub('', text).strip()}"
    if remedy == POLICY:
        found = _ACTION.search(text)
        action = found[1] if found else f"{service}:{operation}"
        remedy = f"allow {action}: {POLICY}"
    return kind(message, remedy or None)


def _meaning(code: str, text: str, operation: str) -> tuple[Kind, str]:
    if operation == "RunInstances" and "service control policy" in text:
        return QuotaExceeded, "the organisation forbids this here; name other regions or types"
    if code == "Unsupported" and "Availability Zone" in text:
        return NoCapacity, _OTHER_ZONE
    if code == "OptInRequired" and "Marketplace" in text:
        return InvalidRequest, "accept the terms of the image in AWS Marketplace, or use another"
    if code in THROTTLED:
        return CloudError, "AWS takes fewer requests for now; this is tried again"
    for beginning, kind, remedy in _BEGINNINGS:
        if code.startswith(beginning):
            return kind, remedy
    return KINDS.get(code, (CloudError, ""))

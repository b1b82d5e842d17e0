from __future__ import annotations

import pytest
from botocore import exceptions

from skyflow.clouds.aws.errors import is_stale, is_transient, typed
from skyflow.errors import (
    CloudError,
    CredentialsError,
    InvalidImage,
    InvalidRequest,
    NoCapacity,
    QuotaExceeded,
)

DENIED = (
    "You are not authorized to perform this operation. User: arn:aws:iam::1:user/x is not "
    "authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-1:1:instance/* "
    "because no identity-based policy allows it. Encoded authorization failure message: q0Zk"
)


def problem(code: str, message: str = "as AWS says", status: int = 400) -> exceptions.ClientError:
    answer = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return exceptions.ClientError(answer, "RunInstances")


def meaning(failure: Exception) -> CloudError:
    return typed(failure, "ec2", "RunInstances", "us-east-1")


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        ("InsufficientInstanceCapacity", NoCapacity, "other zones"),
        ("InsufficientHostCapacity", NoCapacity, "other zones"),
        ("SpotMaxPriceTooLow", NoCapacity, "other zones"),
        ("InsufficientFreeAddressesInSubnet", NoCapacity, "subnet"),
        ("MaxSpotInstanceCountExceeded", QuotaExceeded, "servicequotas"),
        ("VcpuLimitExceeded", QuotaExceeded, "servicequotas"),
        ("InstanceLimitExceeded", QuotaExceeded, "servicequotas"),
        ("AuthFailure", CredentialsError, "credentials"),
        ("ExpiredToken", CredentialsError, "renew"),
        ("RequestExpired", CredentialsError, "clock"),
        ("OptInRequired", CredentialsError, "activate"),
        ("LimitExceeded", CredentialsError, "mount fewer buckets"),
        ("InvalidAMIID.NotFound", InvalidImage, "image_id"),
        ("InvalidAMIID.Malformed", InvalidImage, "image_id"),
        ("Unsupported", InvalidRequest, "instance type"),
        ("RequestLimitExceeded", CloudError, "fewer requests"),
        ("Throttling", CloudError, "fewer requests"),
    ],
)
def test_codes_mean_what_placement_acts_on(code: str, kind: type[CloudError], remedy: str) -> None:
    error = meaning(problem(code))
    assert type(error) is kind
    assert f"RunInstances in us-east-1: {code}: as AWS says" == error.message
    assert remedy in (error.remedy or "")


def test_unknown_code_is_worth_another_try() -> None:
    assert type(meaning(problem("Surprise"))) is CloudError


def test_missing_permission_is_named_and_the_encoded_message_left_out() -> None:
    error = meaning(problem("UnauthorizedOperation", DENIED))
    assert isinstance(error, CredentialsError)
    assert "allow ec2:RunInstances" in (error.remedy or "")
    assert "q0Zk" not in error.message
    short = meaning(problem("UnauthorizedOperation", "You are not authorized."))
    assert "allow ec2:RunInstances" in (short.remedy or "")


def test_type_that_a_zone_lacks_is_looked_for_in_others() -> None:
    text = "Your requested instance type is not supported in your requested Availability Zone"
    assert isinstance(meaning(problem("Unsupported", text)), NoCapacity)


def test_what_an_organisation_forbids_is_tried_in_other_regions() -> None:
    text = DENIED.replace("no identity-based", "an explicit deny in a service control")
    assert isinstance(meaning(problem("UnauthorizedOperation", text)), QuotaExceeded)


def test_terms_of_an_image_are_no_matter_of_credentials() -> None:
    text = "In order to use this AWS Marketplace product you need to accept terms and subscribe."
    assert isinstance(meaning(problem("OptInRequired", text)), InvalidRequest)


def test_no_credentials_and_broken_connections_are_told_apart() -> None:
    assert isinstance(meaning(exceptions.NoCredentialsError()), CredentialsError)
    assert isinstance(meaning(exceptions.ProfileNotFound(profile="x")), CredentialsError)
    broken = exceptions.ConnectTimeoutError(endpoint_url="https://ec2")
    assert type(meaning(broken)) is CloudError
    assert is_transient(broken)


@pytest.mark.parametrize(
    ("code", "status", "again"),
    [
        ("RequestLimitExceeded", 503, True),
        ("Throttling", 400, True),
        ("ConcurrentModification", 409, True),
        ("InternalError", 500, True),
        ("Unavailable", 503, True),
        ("InsufficientInstanceCapacity", 500, False),
        ("VcpuLimitExceeded", 400, False),
        ("Surprise", 400, False),
    ],
)
def test_lack_of_capacity_is_no_fault_of_the_server(code: str, status: int, again: bool) -> None:
    assert is_transient(problem(code, status=status)) is again


def test_credentials_may_be_better_when_read_anew() -> None:
    assert is_stale(problem("ExpiredToken"))
    assert not is_stale(problem("UnauthorizedOperation"))

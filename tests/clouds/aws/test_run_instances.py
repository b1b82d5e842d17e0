from __future__ import annotations

from typing import Any

import pytest
import yaml

from skyflow.clouds.aws.disks import boot_disk
from skyflow.clouds.aws.images import Image
from skyflow.clouds.aws.network import Subnet
from skyflow.clouds.aws.run_instances import run_arguments
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.clouds.aws.user_data import user_data
from skyflow.storage.keyring import Keyring
from tests.clouds.aws.requests import INSTALLATION, NAME, place, request

KEYS = Keyring(bytes(32)).machine_keys(NAME)


def arguments(
    settings: AwsSettings | None = None, profile: str | None = None, **fields: Any
) -> dict[str, Any]:
    return run_arguments(
        request(**fields),
        KEYS,
        INSTALLATION,
        Image("ami-1", "/dev/sda1", 8, "x86_64"),
        Subnet("subnet-1", "vpc-1", ("172.31.0.0/16",)),
        "sg-1",
        settings or AwsSettings(),
        profile,
    )


def test_one_instance_is_asked_for_by_the_machines_name() -> None:
    asked = arguments()
    assert (asked["MinCount"], asked["MaxCount"], asked["ClientToken"]) == (1, 1, NAME)
    assert asked == arguments()


def test_metadata_needs_a_token_and_reaches_containers() -> None:
    options = arguments()["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 2)


def test_spot_machine_ends_when_it_is_interrupted() -> None:
    assert "InstanceMarketOptions" not in arguments()
    spot = arguments(place=place(use_spot=True))["InstanceMarketOptions"]
    assert spot["SpotOptions"] == {
        "SpotInstanceType": "one-time",
        "InstanceInterruptionBehavior": "terminate",
    }


def test_machine_has_a_public_address_and_a_profile_if_it_should() -> None:
    arn = "arn:aws:iam::1:instance-profile/x"
    asked = arguments(AwsSettings(internal=True), arn)
    assert asked["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
    assert asked["IamInstanceProfile"] == {"Arn": arn}
    assert arguments()["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is True
    assert "IamInstanceProfile" not in arguments()
    assert arguments(profile="x")["IamInstanceProfile"] == {"Name": "x"}


@pytest.mark.parametrize(
    ("tier", "gib", "kind", "iops", "throughput"),
    [
        (None, 256, "gp3", 3000, 125),
        ("low", 256, "gp3", 3000, 125),
        ("medium", 256, "gp3", 3500, 218),
        ("high", 256, "gp3", 7000, 437),
        ("best", 256, "gp3", 7000, 437),
        ("ultra", 256, "io2", 20000, None),
        ("ultra", 20, "io2", 10000, None),
        ("high", 8, "gp3", 4000, 437),
    ],
)
def test_tiers_are_volumes_that_ebs_makes(
    tier: str | None, gib: int, kind: str, iops: int, throughput: int | None
) -> None:
    volume = boot_disk("/dev/sda1", gib, tier)["Ebs"]
    assert (volume["VolumeType"], volume["Iops"], volume.get("Throughput")) == (
        kind,
        iops,
        throughput,
    )
    assert volume["DeleteOnTermination"]


def test_cloud_init_gets_the_host_key_and_who_may_log_in() -> None:
    text = user_data(KEYS)
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    assert document["ssh_keys"]["ed25519_private"] == KEYS.host_private_key
    assert document["ssh_keys"]["ed25519_public"] == KEYS.host_public_key
    user = document["users"][0]
    assert (user["name"], user["groups"]) == ("ubuntu", ["docker"])
    assert user["ssh_authorized_keys"] == [KEYS.authorized_key]
    # EC2 takes 16 KiB before encoding.
    assert len(text) < 16384

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.clouds.aws.zones import Zones
from skyflow.config import Settings
from skyflow.placement.offers import ResourceRequest
from tests.clouds.aws.account import AccountView

ACCOUNT = "123456789012"


@pytest.mark.usefixtures("account")
async def test_names_of_zones_are_asked_once_and_kept(tmp_path: Path, actions: set[str]) -> None:
    first = await Zones(AwsApi(AwsSettings()), tmp_path).names(ACCOUNT, ["us-east-1"])
    assert first["use1-az6"] == "us-east-1a"
    actions.clear()
    assert await Zones(AwsApi(AwsSettings()), tmp_path).names(ACCOUNT, ["us-east-1"]) == first
    assert actions == set()


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("content", ["{", "[]", '{"us-east-1": 1}', '{"us-east-1": {"at": 0}}'])
async def test_damaged_or_old_names_are_asked_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / f"zones-{ACCOUNT}.json"
    file.write_text(content)
    names = await Zones(AwsApi(AwsSettings()), tmp_path).names(ACCOUNT, ["us-east-1"])
    assert "use1-az1" in names
    assert json.loads(file.read_text())["us-east-1"]["names"] == names


async def test_offers_name_zones_as_the_account_does(aws: AwsCloud) -> None:
    wanted = ResourceRequest(region="us-east-1", instance_type="g5.xlarge")
    offers = await aws.offers(wanted)
    zones = {offer.place.zone for offer in offers}
    assert zones
    assert all(zone.startswith("us-east-1") for zone in zones)
    named = await aws.offers(wanted.model_copy(update={"zone": min(zones)}))
    assert {offer.place.zone for offer in named} == {min(zones)}


async def test_offers_are_those_of_enabled_regions(
    settings: Settings, account: AccountView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYFLOW_AWS_REGIONS", "us-west-2,us-east-9")
    offers = await AwsCloud(settings).offers(
        ResourceRequest(accelerator="A10G", accelerator_count=1)
    )
    assert {offer.place.region for offer in offers} == {"us-west-2"}


async def test_offers_that_no_image_fits_are_left_out(aws: AwsCloud) -> None:
    wanted = ResourceRequest(region="us-east-1", instance_type="p3.2xlarge")
    assert await aws.offers(wanted) == []
    assert await aws.offers(wanted.model_copy(update={"images": (("", "ami-01234567"),)}))

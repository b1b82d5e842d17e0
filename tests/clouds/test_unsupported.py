"""What a cloud cannot carry out is refused or said, never left out in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skyflow.clouds.fake import SCRIPT_VARIABLE, FakeCloud
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.registry import find_offers, unsupported_keys
from skyflow.config import Settings
from skyflow.contracts import OfferQuery
from skyflow.errors import UsageError
from skyflow.placement.offers import BucketPrefix, ResourceRequest
from skyflow.sdk.support import check_named_clouds
from skyflow.spec import LoadOptions, load_task

BEYOND_LOCAL: dict[str, dict[str, object]] = {
    "accelerators": {"accelerator_memory_gib": 80.0, "accelerator_count": 1},
    "image_id": {"images": (("", "ami-1"),)},
    "disk_tier": {"disk_tier": "high"},
    "network_tier": {"network_tier": "best"},
    "local_disk": {"local_disk": "nvme"},
    "labels": {"labels": (("a", "b"),)},
    "file_mounts": {"buckets": (BucketPrefix(bucket="b"),)},
}


@pytest.fixture(autouse=True)
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "script.json"
    places = [
        {"region": region, "zone": f"{region}-a", "hourly_price": 1} for region in ("us", "eu")
    ]
    path.write_text(json.dumps({"machines": "none", "places": places}))
    monkeypatch.setenv(SCRIPT_VARIABLE, str(path))


@pytest.mark.parametrize(("key", "fields"), BEYOND_LOCAL.items())
async def test_local_says_which_keys_it_cannot_carry_out(
    settings: Settings, key: str, fields: dict[str, object]
) -> None:
    request = ResourceRequest(cloud="local").model_copy(update=fields)
    assert list(LocalCloud(settings).unsupported(request)) == [key]
    assert [found[:2] for found in unsupported_keys(settings, [request])] == [("local", key)]
    found = await find_offers(settings, OfferQuery(resources=(request,)))
    assert found.offers == ()
    assert f"local cannot carry out `{key}`" in found.problems[0]


def test_what_every_machine_has_is_no_problem_for_local(settings: Settings) -> None:
    request = ResourceRequest(network_tier="standard", disk_gib=512, use_spot=True, cpus=1)
    assert not LocalCloud(settings).unsupported(request)


def test_the_fake_cloud_carries_out_every_key_but_mounts(settings: Settings) -> None:
    fields = {key: value for each in BEYOND_LOCAL.values() for key, value in each.items()}
    request = ResourceRequest(cloud="fake").model_copy(update=fields)
    assert list(FakeCloud(settings).unsupported(request)) == ["file_mounts"]


def test_aws_mounts_buckets_and_whoever_names_another_cloud_is_told_the_remedy(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "service.yaml"
    text = "service: {readiness_probe: /}\nrun: x\nfile_mounts: {/m: {source: s3://models}}\n"
    path.write_text(f"{text}resources: {{infra: aws}}\n")
    check_named_clouds(load_task(path, LoadOptions()), settings)
    path.write_text(f"{text}resources: {{infra: local}}\n")
    with pytest.raises(UsageError, match=r"`file_mounts` cannot .* on local: .*`mode: COPY`"):
        check_named_clouds(load_task(path, LoadOptions()), settings)


async def test_regions_for_which_there_is_no_image_are_left_out(settings: Settings) -> None:
    request = ResourceRequest(images=(("eu", "ami-2"),))
    found = await find_offers(settings, OfferQuery(resources=(request,)))
    assert [offer.place.region for offer in found.offers] == ["eu"]

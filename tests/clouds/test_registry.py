from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from skyflow.clouds.fake import SCRIPT_VARIABLE
from skyflow.clouds.registry import CLOUDS, enabled_clouds, find_offers, get_cloud
from skyflow.config import Settings
from skyflow.contracts import OfferQuery
from skyflow.errors import UsageError
from skyflow.placement.offers import ResourceRequest

PLACES = [
    {"region": "r2", "zone": "r2-a", "hourly_price": 0.5},
    {"region": "r1", "zone": "r1-b", "hourly_price": 0.5},
    {"region": "r1", "zone": "r1-a", "hourly_price": 0.5},
    {"region": "r3", "zone": "r3-a", "hourly_price": 0.2},
]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"machines": "none", "places": PLACES}))
    monkeypatch.setenv(SCRIPT_VARIABLE, str(path))
    return path


@pytest.fixture
def no_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SCRIPT_VARIABLE, raising=False)


@pytest.mark.usefixtures("script")
@pytest.mark.parametrize("name", CLOUDS)
def test_every_cloud_is_made_under_its_name(settings: Settings, name: str) -> None:
    assert get_cloud(name, settings).name == name


def test_unknown_cloud_is_refused_with_the_likely_name(settings: Settings) -> None:
    with pytest.raises(UsageError, match="did you mean 'local'"):
        get_cloud("locl", settings)


@pytest.mark.usefixtures("no_script")
async def test_local_is_used_when_nothing_else_is_enabled(settings: Settings) -> None:
    assert await enabled_clouds(settings) == ["local"]
    found = await find_offers(settings, OfferQuery(resources=(ResourceRequest(),)))
    assert [offer.place.cloud for offer in found.offers] == ["local"]


@pytest.mark.usefixtures("script")
async def test_local_is_not_used_beside_another_cloud(settings: Settings) -> None:
    assert await enabled_clouds(settings) == ["fake"]
    found = await find_offers(settings, OfferQuery(resources=(ResourceRequest(),)))
    assert {offer.place.cloud for offer in found.offers} == {"fake"}


@pytest.mark.usefixtures("script")
async def test_local_is_used_beside_another_cloud_when_it_is_named(settings: Settings) -> None:
    requests = (ResourceRequest(cloud="local"), ResourceRequest(region="r2"))
    found = await find_offers(settings, OfferQuery(resources=requests))
    assert [offer.place.cloud for offer in found.offers] == ["local", "fake"]


@pytest.mark.usefixtures("script")
async def test_offers_come_cheapest_first_and_equal_ones_by_place(settings: Settings) -> None:
    found = await find_offers(settings, OfferQuery(resources=(ResourceRequest(),)))
    zones = [offer.place.zone for offer in found.offers]
    assert zones == ["r3-a", "r1-a", "r1-b", "r2-a"]


@pytest.mark.usefixtures("script")
async def test_an_earlier_request_of_an_ordered_query_comes_before_cheaper_offers(
    settings: Settings,
) -> None:
    requests = (ResourceRequest(region="r2"), ResourceRequest())
    found = await find_offers(settings, OfferQuery(resources=requests, ordered=True))
    zones = [(offer.place.zone, offer.preference) for offer in found.offers]
    assert zones == [("r2-a", 0), ("r3-a", 1), ("r1-a", 1), ("r1-b", 1)]


@pytest.mark.usefixtures("script")
async def test_offer_that_meets_two_requests_is_found_once(settings: Settings) -> None:
    found = await find_offers(
        settings, OfferQuery(resources=(ResourceRequest(), ResourceRequest(region="r3")))
    )
    assert len(found.offers) == 4


@pytest.mark.usefixtures("script")
async def test_ordered_requests_come_before_cheaper_offers(settings: Settings) -> None:
    requests = (ResourceRequest(region="r2"), ResourceRequest())
    found = await find_offers(settings, OfferQuery(resources=requests, ordered=True))
    zones = [offer.place.zone for offer in found.offers]
    assert zones == ["r2-a", "r3-a", "r1-a", "r1-b"]


@pytest.fixture
def broken_script(script: Path) -> None:
    script.write_text('{"places": [{"regio": "r1"}]}')


@pytest.mark.usefixtures("broken_script")
async def test_cloud_that_cannot_answer_is_a_problem_not_an_error(settings: Settings) -> None:
    requests = (ResourceRequest(cloud="fake"), ResourceRequest(cloud="local"))
    found = await find_offers(settings, OfferQuery(resources=requests))
    assert [offer.place.cloud for offer in found.offers] == ["local"]
    assert "places.0.regio" in found.problems[0]


@pytest.mark.usefixtures("no_script")
async def test_unknown_cloud_in_a_request_is_a_problem(settings: Settings) -> None:
    found = await find_offers(settings, OfferQuery(resources=(ResourceRequest(cloud="nowhere"),)))
    assert found.offers == ()
    assert "there is no cloud 'nowhere'" in found.problems[0]


def test_registry_loads_no_library_of_a_cloud() -> None:
    code = (
        "import sys, skyflow.clouds.registry; "
        "sys.exit(bool({'boto3', 'google', 'asyncssh', 'pyroute2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def query(*resources: ResourceRequest) -> OfferQuery:
    return OfferQuery(resources=resources)

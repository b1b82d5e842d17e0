from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from skyflow.catalog import Catalog, Listing, MachineType, Zone, load_catalog, offers_of
from skyflow.catalog.listing_file import COLUMNS, read_listings, write_listings
from skyflow.catalog.loading import newest
from skyflow.catalog.machines import in_order
from skyflow.config import Settings
from skyflow.errors import StorageError, UsageError
from skyflow.placement.offers import ResourceRequest

MANY = limits(max_examples=100, deadline=None, derandomize=True)

HEADER = "cloud,instance_type,vcpus,memory_gib,region,zone,price_usd_hour,spot_usd_hour\n"
AMOUNTS = st.integers(1, 10**9).map(lambda amount: amount / 1000)
NAMES = st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True)


def listing(region: str = "r", price: float = 1.0, date: str = "2026-01-31") -> Listing:
    return Listing(MachineType("aws", "t", 8, 32), region, price, (Zone("a", 0.5),), date)


def own_prices(settings: Settings, *rows: str) -> None:
    settings.own_prices.parent.mkdir(parents=True, exist_ok=True)
    settings.own_prices.write_text(HEADER + "".join(row + "\n" for row in rows))


@MANY
@given(
    machine=st.builds(
        MachineType,
        cloud=st.just("aws"),
        name=NAMES,
        cpus=AMOUNTS,
        memory_gib=AMOUNTS,
        accelerator=st.none() | st.just("Gaudi HL-205"),
        accelerator_count=st.sampled_from([0, 0.125, 8]),
        accelerator_memory_gib=st.none() | AMOUNTS,
        local_disk_gb=st.sampled_from([0, 375]),
    ),
    price=st.none() | AMOUNTS,
    zones=st.dictionaries(NAMES, st.none() | AMOUNTS, min_size=1, max_size=4),
)
def test_listings_are_read_as_they_were_written(
    machine: MachineType, price: float | None, zones: dict[str, float | None]
) -> None:
    made = Listing(machine, "r", price, in_order(map(Zone, zones, zones.values())), "2026-01-31")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "aws.csv"
        path.write_bytes(write_listings([made]))
        assert read_listings(path, "aws") == [made]


@pytest.mark.parametrize(
    "content",
    ["", "a,b\n", ",".join(COLUMNS) + "\nt,8\n", ",".join(COLUMNS) + "\nt,x,1,,,,,r,1,d,a\n"],
)
def test_damaged_file_is_named_with_the_remedy(settings: Settings, content: str) -> None:
    path = settings.refreshed_prices / "aws.csv"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(StorageError, match=r"aws\.csv cannot be understood") as caught:
        load_catalog(settings)
    assert "remove it" in (caught.value.remedy or "")


def test_the_newer_source_wins_in_each_region() -> None:
    shipped = [listing("r1", 1, "2026-02-01"), listing("r2", 1, "2026-02-01")]
    fetched = [listing("r1", 2, "2026-01-01"), listing("r2", 2, "2026-03-01")]
    assert {each.region: each.price for each in newest(shipped, fetched)} == {"r1": 1, "r2": 2}


def test_own_prices_win_for_their_zone_only(settings: Settings) -> None:
    request = ResourceRequest(instance_type="m6i.large", region="us-east-2")
    before = {offer.place.zone: offer.hourly_price for offer in offers_of("aws", request, settings)}
    own_prices(settings, "aws,m6i.large,2,8,us-east-2,use2-az1,0.05,")
    after = {offer.place.zone: offer.hourly_price for offer in offers_of("aws", request, settings)}
    assert after == before | {"use2-az1": 0.05}
    spot = offers_of("aws", request.model_copy(update={"use_spot": True}), settings)
    assert {offer.place.zone for offer in spot} == before.keys() - {"use2-az1"}


def test_own_prices_may_be_of_machines_that_nobody_else_has(settings: Settings) -> None:
    own_prices(settings, "mine,big,64,256,here,,2.5,")
    [offer] = offers_of("mine", ResourceRequest(), settings)
    assert (offer.place.zone, offer.hourly_price) == ("here", 2.5)


def test_changed_prices_are_read_again_and_others_are_not(settings: Settings) -> None:
    own_prices(settings, "mine,big,64,256,here,,2.5,")
    first = load_catalog(settings)
    assert load_catalog(settings) is first
    own_prices(settings, "mine,big,64,256,here,,3.5,")
    os.utime(settings.own_prices, (1, 1))
    [offer] = offers_of("mine", ResourceRequest(), settings)
    assert offer.hourly_price == 3.5


def test_every_bad_row_of_own_prices_is_named_with_its_line(settings: Settings) -> None:
    own_prices(
        settings,
        "aws,a,many,8,r,z,1,",
        "aws,b,2,8,r,z,,",
        "aws,c,2,8,r,z,-1,",
        "aws,d,2,8,r,z,1,2",
        "aws,d,2,8,r,z,1,2",
        "aws,e,2",
        "aws,f,2,8,a region,z,1,",
    )
    with pytest.raises(UsageError) as caught:
        load_catalog(settings)
    lines = caught.value.message.splitlines()
    assert [line.removeprefix(str(settings.own_prices)).split(":")[1] for line in lines] == list(
        "234678"
    )
    assert lines[0].endswith("vcpus is 'many'; allowed: a number, not negative")
    assert lines[3].endswith("repeats the machine and zone of line 5")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("cloud,instance_type\n", "has no column vcpus"),
        (HEADER.strip() + ",x\n", "unknown columns x"),
    ],
)
def test_columns_of_own_prices_are_checked(settings: Settings, head: str, expected: str) -> None:
    settings.own_prices.parent.mkdir(parents=True)
    settings.own_prices.write_text(head)
    with pytest.raises(UsageError, match=expected):
        load_catalog(settings)


def test_offers_of_a_cloud_are_not_those_of_another(shipped: Catalog, settings: Settings) -> None:
    assert {offer.place.cloud for offer in offers_of("gcp", ResourceRequest(), settings)} == {"gcp"}
    assert offers_of("aws", ResourceRequest(cloud="gcp"), settings) == []
    assert len(offers_of("aws", ResourceRequest(cpus=2), settings, most=7)) == 7

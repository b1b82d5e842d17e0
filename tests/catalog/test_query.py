from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from skyflow.catalog import Catalog, Listing, MachineType, Zone, offers, search
from skyflow.catalog.defaults import is_usual, with_defaults
from skyflow.catalog.machines import in_order
from skyflow.clouds.matching import meets
from skyflow.placement.offers import Offer, ResourceRequest

MANY = settings(max_examples=100, deadline=None, derandomize=True)

PRICES = st.integers(1, 40).map(lambda cents: cents / 100)
ZONES = st.lists(
    st.builds(Zone, st.sampled_from("abc"), st.none() | PRICES),
    min_size=1,
    max_size=3,
    unique_by=lambda zone: zone.name,
)


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    machines = []
    for at in range(draw(st.integers(1, 6))):
        accelerator = draw(st.sampled_from([None, "L4", "A100", "MI300X"]))
        machines.append(
            MachineType(
                cloud=draw(st.sampled_from(["aws", "gcp"])),
                name=draw(st.sampled_from([f"type-{at}", f"t3.x{at}"])),
                cpus=draw(st.sampled_from([2, 8, 16])),
                memory_gib=draw(st.sampled_from([8, 32, 64])),
                accelerator=accelerator,
                accelerator_count=draw(st.sampled_from([1, 8])) if accelerator else 0,
                accelerator_memory_gib=draw(st.sampled_from([24, 40])) if accelerator else None,
                local_disk_gb=draw(st.sampled_from([0, 300])),
            )
        )
    return Catalog.of(
        Listing(machine, region, draw(st.none() | PRICES), in_order(draw(ZONES)), "2026-01-31")
        for machine in machines
        for region in draw(st.sets(st.sampled_from(["r1", "r2"]), min_size=1))
    )


REQUESTS = st.builds(
    ResourceRequest,
    cloud=st.sampled_from([None, None, "aws"]),
    region=st.sampled_from([None, None, "r1"]),
    zone=st.sampled_from([None, None, "a"]),
    instance_type=st.sampled_from([None, None, "type-0"]),
    cpus=st.sampled_from([None, 2, 8]),
    cpus_or_more=st.booleans(),
    memory_gib=st.sampled_from([None, 8, 32]),
    accelerator=st.sampled_from([None, "L4", "A100"]),
    accelerator_count=st.sampled_from([1, 8]),
    accelerator_memory_gib=st.sampled_from([None, None, 24]),
    accelerator_memory_or_more=st.booleans(),
    use_spot=st.booleans(),
    max_hourly_price=st.sampled_from([None, 0.2]),
    local_disk=st.sampled_from([None, None, "nvme"]),
)


def everything(catalog: Catalog, request: ResourceRequest) -> list[Offer]:
    """Return an offer for every machine and zone that has a price, whatever is asked for."""
    found = []
    for listing in catalog.listings():
        by_name = ResourceRequest(
            cloud=listing.type.cloud,
            region=listing.region,
            instance_type=listing.type.name,
            use_spot=request.use_spot,
        )
        found += offers(Catalog.of([listing]), by_name)
    return found


@MANY
@given(catalog=catalogs(), request=REQUESTS)
def test_what_is_offered_is_what_meets_a_request(
    catalog: Catalog, request: ResourceRequest
) -> None:
    wanted = with_defaults(request)
    types = {(machine.cloud, machine.name): machine for machine in catalog.by_type}
    expected = [
        offer
        for offer in everything(catalog, request)
        if meets(offer, wanted)
        and is_usual(types[offer.place.cloud, offer.place.instance_type], wanted)
    ]
    found = offers(catalog, request)
    assert sorted(map(str, found)) == sorted(map(str, expected))
    assert [offer.hourly_price for offer in found] == sorted(o.hourly_price for o in found)


@MANY
@given(catalog=catalogs(), request=REQUESTS, most=st.integers(0, 5))
def test_a_few_offers_are_the_first_of_all(
    catalog: Catalog, request: ResourceRequest, most: int
) -> None:
    assert offers(catalog, request, most) == offers(catalog, request)[:most]


@MANY
@given(catalog=catalogs(), request=REQUESTS)
def test_listings_hold_the_zones_that_are_offered(
    catalog: Catalog, request: ResourceRequest
) -> None:
    found = search(catalog, request)
    in_zones = {
        (listing.type.name, listing.region, zone.name)
        for _, listing in found
        for zone in listing.zones
    }
    offered = {
        (offer.place.instance_type, offer.place.region, offer.place.zone)
        for offer in offers(catalog, request)
    }
    assert in_zones == offered


def machine(name: str, **facts: Any) -> MachineType:
    return MachineType("aws", name, cpus=8, memory_gib=32)._replace(**facts)


def names(request: ResourceRequest, *machines: MachineType) -> list[str]:
    catalog = Catalog.of(Listing(each, "r", 1, (Zone("a"),), "2026-01-31") for each in machines)
    return [offer.place.instance_type for offer in offers(catalog, request)]


def test_request_without_any_size_gets_eight_cpus_with_four_gib_each() -> None:
    small, narrow = machine("small", cpus=4, memory_gib=16), machine("narrow", memory_gib=16)
    assert names(ResourceRequest(), small, narrow, machine("usual")) == ["usual"]
    assert names(ResourceRequest(cpus=4), small, narrow) == ["small"]
    assert names(ResourceRequest(memory_gib=16), small, narrow) == ["small", "narrow"]


def test_burstable_and_accelerated_types_are_offered_to_those_who_name_them() -> None:
    burstable = machine("t3.2xlarge")
    accelerated = machine("g6.2xlarge", accelerator="L4", accelerator_count=1)
    assert names(ResourceRequest(), burstable, accelerated) == []
    assert names(ResourceRequest(instance_type="t3.2xlarge"), burstable, accelerated) == [
        "t3.2xlarge"
    ]
    by_name = ResourceRequest(accelerator="L4", accelerator_count=1)
    assert names(by_name, burstable, accelerated) == ["g6.2xlarge"]


def test_no_machine_has_half_an_accelerator() -> None:
    half = ResourceRequest(accelerator="L4", accelerator_count=0.5)
    assert names(half, machine("g6.2xlarge", accelerator="L4", accelerator_count=1)) == []

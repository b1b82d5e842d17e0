from __future__ import annotations

from typing import Any

import pytest

from skyflow.catalog import Catalog
from skyflow.catalog.machines import MachineType
from skyflow.catalog.refreshing.gcp import GcpPrices, machine_price
from skyflow.catalog.refreshing.gcp_billing import part_prices
from skyflow.errors import CredentialsError
from tests.catalog.price_servers import PriceServer, sku

HERE = "us-central1"
SKUS: list[dict[str, Any]] = [
    sku("A2 Instance Core running in Americas", 0.031611, "OnDemand", HERE, "us-east1"),
    sku("A2 Instance Ram running in Americas", 0.004237, "OnDemand", HERE),
    sku("Nvidia Tesla A100 GPU running in Americas", 2.933908, "OnDemand", HERE),
    sku("Nvidia Tesla A100 GPU DWS Calendar Mode running in Americas", 1.5, "OnDemand", HERE),
    sku("Commitment v1: A2 Cpu in Americas for 1 Year", 0.01, "Commit1Yr", HERE),
    sku("A2 Instance Core running in Americas Sole Tenancy", 9, "OnDemand", HERE),
    sku("Spot Preemptible A2 Instance Core running in Americas", 0.01, "Preemptible", HERE),
    sku("Spot Preemptible A2 Instance Ram running in Americas", 0.001, "Preemptible", HERE),
    sku(
        "Nvidia Tesla A100 GPU attached to Spot Preemptible VMs running in Americas",
        0.88,
        "Preemptible",
        HERE,
    ),
    sku("Nvidia Tesla A100 80GB GPU running in Americas", 3.9, "OnDemand", HERE),
    sku("SSD backed Local Storage", 0.08, "OnDemand", HERE),
    sku("E2 Instance Core running in Americas", 0.02, "OnDemand", HERE),
    sku("E2 Instance Ram running in Americas", 0.003, "OnDemand", HERE),
]
A2 = MachineType("gcp", "a2-highgpu-1g", 12, 85, "A100", 1, 40)
A2_ULTRA = MachineType("gcp", "a2-ultragpu-1g", 12, 170, "A100-80GB", 1, 80, local_disk_gb=375)
E2_SMALL = MachineType("gcp", "e2-small", 2, 2)


@pytest.mark.parametrize(
    ("machine", "use_spot", "expected"),
    [
        (A2, False, 12 * 0.031611 + 85 * 0.004237 + 2.933908),
        (A2, True, 12 * 0.01 + 85 * 0.001 + 0.88),
        (A2_ULTRA, False, 12 * 0.031611 + 170 * 0.004237 + 3.9 + 375 * 0.08 / 730),
        (A2_ULTRA, True, None),
        (E2_SMALL, False, 0.5 * 0.02 + 2 * 0.003),
    ],
)
def test_price_of_a_machine_is_that_of_its_parts(
    machine: MachineType, use_spot: bool, expected: float | None
) -> None:
    found = machine_price(machine, HERE, part_prices(SKUS), use_spot=use_spot)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


async def test_known_machines_get_prices_and_others_keep_theirs(
    price_server: PriceServer, shipped: Catalog
) -> None:
    price_server.gcp_pages = [SKUS[:5], SKUS[5:]]
    known = [listing for listing in shipped.listings() if listing.region == HERE]
    fetched = await GcpPrices("key", price_server.url).fetch(HERE, known, lambda _: None)
    by_name = {listing.type.name: listing for listing in fetched.listings}
    assert len(by_name) == len(known)
    assert by_name["a2-highgpu-1g"].price == pytest.approx(3.673385)
    assert {zone.spot_price for zone in by_name["a2-highgpu-1g"].zones} == {1.085}
    assert by_name["g2-standard-4"].date < by_name["a2-highgpu-1g"].date
    assert fetched.lacking
    assert "g2-standard-4" in fetched.lacking


async def test_key_that_may_not_be_used_is_said_so(price_server: PriceServer) -> None:
    with pytest.raises(CredentialsError):
        await GcpPrices("another", price_server.url).fetch(HERE, [], lambda _: None)

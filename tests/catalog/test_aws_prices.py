from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skyflow.catalog.machines import Listing, MachineType, Zone
from skyflow.catalog.refreshing.aws import priced
from skyflow.catalog.refreshing.aws_price_list import PriceListReader
from skyflow.catalog.refreshing.aws_types import RegionOffer, machine_type
from skyflow.errors import CloudError
from tests.catalog.price_servers import price_list

MANY = settings(max_examples=100, deadline=None, derandomize=True)

LIST = price_list(
    {"Instance Type": "m6i.large", "PricePerUnit": "0.0960000000"},
    {"Instance Type": "m6i.large", "PricePerUnit": "0.1", "Tenancy": "Dedicated"},
    {"Instance Type": "m6i.large", "PricePerUnit": "0.2", "Operating System": "Windows"},
    {"Instance Type": "m6i.large", "PricePerUnit": "0.3", "Pre Installed S/W": "SQL Std"},
    {"Instance Type": "m6i.large", "PricePerUnit": "0.4", "TermType": "Reserved"},
    {
        "Instance Type": "m6i.large",
        "PricePerUnit": "0.5",
        "CapacityStatus": "UnusedCapacityReservation",
    },
    {"Instance Type": "p5.48xlarge", "PricePerUnit": "31.464", "MarketOption": "CapacityBlock"},
    {"Instance Type": "p5.48xlarge", "PricePerUnit": "55.04"},
    {"Instance Type": "p5e.48xlarge", "PricePerUnit": "0.0000000000"},
)


@MANY
@given(st.integers(1, len(LIST)))
def test_price_list_is_read_in_pieces_of_any_size(size: int) -> None:
    reader = PriceListReader()
    content = LIST.encode()
    for at in range(0, len(content), size):
        reader.feed(content[at : at + size])
    assert reader.prices() == {"m6i.large": 0.096, "p5.48xlarge": 55.04}


@pytest.mark.parametrize("content", ["", "<html>not found</html>", LIST[: LIST.index("m6i")]])
def test_what_is_no_price_list_is_refused(content: str) -> None:
    reader = PriceListReader()
    reader.feed(content.encode())
    with pytest.raises(CloudError, match="no price list"):
        reader.prices()


GPU_TYPE = {
    "InstanceType": "p4de.24xlarge",
    "BareMetal": False,
    "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
    "VCpuInfo": {"DefaultVCpus": 96},
    "MemoryInfo": {"SizeInMiB": 1179648},
    "InstanceStorageInfo": {
        "TotalSizeInGB": 8000,
        "Disks": [{"SizeInGB": 1000, "Count": 8, "Type": "ssd"}],
        "NvmeSupport": "required",
    },
    "GpuInfo": {
        "Gpus": [
            {
                "Name": "A100",
                "Manufacturer": "NVIDIA",
                "Count": 8,
                "MemoryInfo": {"SizeInMiB": 81920},
            }
        ]
    },
}


def test_type_is_read_with_its_accelerators_and_disks() -> None:
    assert machine_type(GPU_TYPE) == MachineType(
        "aws", "p4de.24xlarge", 96, 1152, "A100-80GB", 8, 80, local_disk_gb=8000
    )


def test_types_of_another_processor_are_left_out_unless_they_have_accelerators() -> None:
    arm = GPU_TYPE | {"ProcessorInfo": {"SupportedArchitectures": ["arm64"]}}
    assert machine_type(arm) is not None
    assert machine_type({key: value for key, value in arm.items() if key != "GpuInfo"}) is None
    assert machine_type(GPU_TYPE | {"BareMetal": True}) is None


def test_type_without_a_price_on_demand_is_sold_as_spot_only() -> None:
    machine = MachineType("aws", "p5e.48xlarge", 192, 2048, "H200", 8, 141)
    offered = RegionOffer(
        types=(machine,),
        zones={"p5e.48xlarge": frozenset({"use1-az1", "use1-az2"})},
        spot_prices={("p5e.48xlarge", "use1-az2"): 12.5},
    )
    assert priced("us-east-1", offered, {}, "2026-11-26") == (
        Listing(
            machine,
            "us-east-1",
            None,
            (Zone("use1-az2", 12.5), Zone("use1-az1")),
            "2026-11-26",
        ),
    )

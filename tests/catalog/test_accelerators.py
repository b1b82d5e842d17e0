from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skyflow.accelerators import (
    KNOWN_ACCELERATORS,
    accelerator_memory_gib,
    canonical_accelerator,
)
from skyflow.catalog import Catalog
from skyflow.spec.accelerators import parse_accelerators, read_accelerators

MANY = settings(max_examples=100, deadline=None, derandomize=True)

SPELLINGS = {
    "a100-80gb": "A100-80GB",
    "A100-80G": "A100-80GB",
    "A100 80GB": "A100-80GB",
    "a100_80gb": "A100-80GB",
    "A10080GB": "A100-80GB",
    "A100-SXM4-80GB": "A100-80GB",
    "NVIDIA A100 80GB PCIe": "A100-80GB",
    "A100-40GB": "A100",
    "a10g": "A10G",
    "nvidia-l4": "L4",
    "H100-SXM": "H100",
    "H100-80GB-HBM3": "H100",
    "RTX_4090": "RTX4090",
    "GeForce RTX 4090": "RTX4090",
    "tesla-t4": "T4",
    "RTX 6000 Ada Generation": "RTX6000-Ada",
    "v100-32g": "V100-32GB",
    "Gaudi HL-205": "Gaudi HL-205",
    "inferentia2": "Inferentia2",
}


@pytest.mark.parametrize(("written", "expected"), SPELLINGS.items())
def test_usual_spellings_are_known(written: str, expected: str) -> None:
    assert canonical_accelerator(written) == expected


@pytest.mark.parametrize("written", ["", "nvidia", "A101", "gpu", "A100-160GB"])
def test_what_is_no_accelerator_is_not_taken_for_one(written: str) -> None:
    assert canonical_accelerator(written) is None


@MANY
@given(
    name=st.sampled_from(sorted(KNOWN_ACCELERATORS)),
    maker=st.sampled_from(["", "nvidia-", "NVIDIA "]),
    separator=st.sampled_from("-_ "),
    change=st.sampled_from([str, str.lower, str.upper, str.swapcase]),
)
def test_any_case_and_separator_will_do(
    name: str, maker: str, separator: str, change: type[str]
) -> None:
    assert canonical_accelerator(change(maker + name.replace("-", separator))) == name


@MANY
@given(st.sampled_from(sorted(KNOWN_ACCELERATORS)))
def test_memory_in_a_name_changes_nothing_if_it_is_the_right_one(name: str) -> None:
    memory = KNOWN_ACCELERATORS[name].memory_gib
    assert canonical_accelerator(f"{name.removesuffix(f'-{memory:g}GB')}-{memory:g}GB") == name


def test_service_yaml_knows_the_same_spellings() -> None:
    found = parse_accelerators(read_accelerators(["A100 80GB:2", "nvidia-l4", "Foo:1"]))
    assert [(each.name, each.count) for each in found] == [("A100-80GB", 2), ("L4", 1), ("Foo", 1)]


def test_memory_is_the_makers_figure_where_it_is_known() -> None:
    assert accelerator_memory_gib("L4", 22.35) == 24
    assert accelerator_memory_gib("Radeon-Pro-V520", 8) == 8


def test_every_accelerator_that_ships_is_known(shipped: Catalog) -> None:
    names = {listing.type.accelerator for listing in shipped.listings()} - {None}
    assert names <= KNOWN_ACCELERATORS.keys()

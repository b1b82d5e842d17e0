from __future__ import annotations

import pytest

from skyflow.placement.offers import ResourceRequest
from skyflow.spec.infra import Location, parse_infra
from tests.spec.conftest import MINIMAL, Load, Refuse


def requests(load: Load, resources: str) -> tuple[ResourceRequest, ...]:
    return load(f"resources: {resources}\n{MINIMAL}").settings().resources


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("V100", [("V100", 1)]),
        ("V100:4", [("V100", 4)]),
        ("v100:0.5", [("V100", 0.5)]),
        ("{V100: 4}", [("V100", 4)]),
        ("{L4, A10g}", [("L4", 1), ("A10G", 1)]),
        ("{L4:8, A10g:8, A100-80GB:2}", [("L4", 8), ("A10G", 8), ("A100-80GB", 2)]),
        ("{A100:4, A100:8}", [("A100", 4), ("A100", 8)]),
        ("{A100: 1, T4: null}", [("A100", 1), ("T4", 1)]),
        ("['L4:2', H100]", [("L4", 2), ("H100", 1)]),
        ("tpu-v5litepod-8", [("tpu-v5litepod-8", 1)]),
    ],
)
def test_every_form_of_accelerators_is_read(
    load: Load, form: str, expected: list[tuple[str, float]]
) -> None:
    found = requests(load, f"{{accelerators: {form}}}")
    assert [(each.accelerator, each.accelerator_count) for each in found] == expected


@pytest.mark.parametrize(
    ("form", "memory_gib", "or_more", "maker", "count"),
    [
        ("80GB", 80, False, None, 1),
        ("80GB+", 80, True, None, 1),
        ("nvidia:80GB", 80, False, "nvidia", 1),
        ("AMD:192GB+:4", 192, True, "amd", 4),
        ("{'0.5TB+': 2}", 512, True, None, 2),
    ],
)
def test_accelerators_may_be_named_by_their_memory(
    load: Load, form: str, memory_gib: float, or_more: bool, maker: str | None, count: float
) -> None:
    (found,) = requests(load, f"{{accelerators: {form}}}")
    assert found.accelerator is None
    assert (found.accelerator_memory_gib, found.accelerator_memory_or_more) == (memory_gib, or_more)
    assert (found.accelerator_maker, found.accelerator_count) == (maker, count)


def test_everything_else_that_is_asked_for_is_in_the_request(load: Load) -> None:
    (found,) = requests(
        load,
        "{max_hourly_cost: 2.5, disk_tier: HIGH, network_tier: best, local_disk: 'nvme:300+',"
        " image_id: {us-east-1: ami-1, eu-west-1: ami-2}, labels: {team: a, app: b}}",
    )
    assert found.max_hourly_price == 2.5
    assert (found.disk_tier, found.network_tier) == ("high", "best")
    assert found.local_disk == "nvme:300+"
    assert [found.image(region) for region in ("us-east-1", "eu-west-1", "other")] == [
        "ami-1",
        "ami-2",
        None,
    ]
    assert found.labels == (("app", "b"), ("team", "a"))


@pytest.mark.parametrize(
    ("form", "disk_tier", "image"),
    [("disk_tier: none", None, None), ("image_id: ami-1", None, "ami-1")],
)
def test_a_tier_of_none_is_none_and_one_image_is_for_any_region(
    load: Load, form: str, disk_tier: str | None, image: str | None
) -> None:
    (found,) = requests(load, f"{{{form}}}")
    assert (found.disk_tier, found.image("anywhere")) == (disk_tier, image)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("V100:0", "found 'V100:0'; allowed: NAME or NAME:COUNT"),
        ("{V100: -1}", "found -1; allowed: NAME or NAME:COUNT"),
        ("{V100: x}", "found 'x'; allowed: NAME or NAME:COUNT"),
        ("[L4, {A100: 1}]", "found a mapping; allowed: NAME or NAME:COUNT"),
        ("[]", "is empty"),
        ("4090", "found 4090; allowed: NAME or NAME:COUNT"),
        ("'L4 x2'", "found 'L4 x2'; allowed: NAME or NAME:COUNT"),
    ],
)
def test_wrong_accelerators_are_refused(refuse: Refuse, form: str, message: str) -> None:
    (problem,) = refuse(f"resources: {{accelerators: {form}}}\n{MINIMAL}")
    assert message in problem


@pytest.mark.parametrize(
    ("form", "cpus", "memory"),
    [
        ("cpus: 4, memory: 16", (4, False), (16, False)),
        ("cpus: 4+, memory: 16+", (4, True), (16, True)),
        ("cpus: '2.5', memory: 16GB", (2.5, False), (16, False)),
        ("cpus: 0.5+, memory: 512MB+", (0.5, True), (0.5, True)),
        ("memory: 1TB", (None, True), (1024, False)),
    ],
)
def test_amounts_are_read(
    load: Load, form: str, cpus: tuple[float | None, bool], memory: tuple[float, bool]
) -> None:
    (found,) = requests(load, f"{{{form}}}")
    assert (found.cpus, found.cpus_or_more) == cpus
    assert (found.memory_gib, found.memory_or_more) == memory


@pytest.mark.parametrize(
    "form",
    ["cpus: 0", "cpus: -1", "cpus: 4GB", "cpus: [4]", "cpus: true", "cpus: 4-", "memory: 16XB",
     "memory: 0+", "disk_size: 0", "disk_size: 1.5", "disk_size: 100MB", "disk_size: 10+"],
)  # fmt: skip
def test_wrong_amounts_are_refused(refuse: Refuse, form: str) -> None:
    (problem,) = refuse(f"resources: {{{form}}}\n{MINIMAL}")
    assert "; allowed: a " in problem


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("aws", Location("aws")),
        ("AWS/us-east-1", Location("aws", "us-east-1")),
        ("aws/us-east-1/us-east-1a", Location("aws", "us-east-1", "us-east-1a")),
        ("*/us-east-1", Location(None, "us-east-1")),
        ("aws/*/us-east-1a", Location("aws", None, "us-east-1a")),
        ("*", Location()),
        ("k8s/gke/of/mine", Location("kubernetes", "gke/of/mine")),
        ("ssh/pool", Location("ssh", "pool")),
    ],
)
def test_infra_names_a_place(text: str, location: Location) -> None:
    assert parse_infra(text) == location


def test_any_of_is_merged_over_what_is_shared(load: Load) -> None:
    first, second, third = requests(
        load,
        """
  infra: aws/us-east-1
  cpus: 4+
  disk_size: 512GB
  any_of:
    - accelerators: L4
    - {region: us-west-2, accelerators: T4}
    - {infra: gcp, cpus: 8}""",
    )
    assert (first.cloud, first.region, first.accelerator) == ("aws", "us-east-1", "L4")
    assert (second.cloud, second.region) == ("aws", "us-west-2")
    assert (third.cloud, third.region, third.cpus) == ("gcp", None, 8)
    assert {each.disk_gib for each in (first, second, third)} == {512}


def test_ordered_keeps_its_order(load: Load) -> None:
    text = "{cpus: 2, ordered: [{accelerators: T4}, {accelerators: L4}]}"
    assert [each.accelerator for each in requests(load, text)] == ["T4", "L4"]
    assert load(f"resources: {text}\n{MINIMAL}").resources.in_order
    assert not load(MINIMAL).resources.in_order


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ("infra: aws, cloud: aws", "resources.infra: is given beside `cloud`"),
        ("infra: a/b/c/d", "resources.infra: found 'a/b/c/d'; allowed: CLOUD"),
        (
            "any_of: [{cpus: 1}], ordered: [{cpus: 1}]",
            "resources.ordered: is given beside `any_of`",
        ),
        ("any_of: []", "resources.any_of: found 0 entries; allowed: 1 to 100"),
        ("any_of: {cpus: 1}", "resources.any_of: found a mapping; allowed: a list of resources"),
        ("any_of: [4]", "resources.any_of[0]: found 4; allowed: a mapping"),
        ("any_of: [{cpu: 4}]", "resources.any_of[0].cpu: unknown key; did you mean 'cpus'?"),
        ("any_of: [{any_of: []}]", "resources.any_of[0].any_of: unknown key"),
        ("any_of: [{accelerators: [L4, T4]}]", "resources.any_of[0].accelerators: names several"),
        ("accelerators: [L4, T4], any_of: [{cpus: 1}]", "resources.any_of: is given beside a list"),
        ("accelerators: {L4, T4}, ordered: [{cpus: 1}]", "resources.ordered: is given beside sev"),
        ("any_of: [{use_spot: true}, {cpus: 1}]", "resources: mixes spot and on-demand"),
        ("use_spot: 'yes'", "resources.use_spot: found 'yes'; allowed: true or false"),
        ("disk_tier: fast", "resources.disk_tier: found 'fast'; allowed: 'low', 'medium'"),
        ("local_disk: fast", "resources.local_disk: found 'fast'; allowed: a kind and a size"),
        ("ports: 0", "resources.ports: found 0; allowed: a port from 1 to 65535"),
        ("ports: [80, 9-8]", "resources.ports[1]: found '9-8'; allowed: a port"),
        ("instance_type: 'a b'", "resources.instance_type: found 'a b'; allowed: a name without"),
    ],
)
def test_resource_mistakes_are_named(refuse: Refuse, resources: str, message: str) -> None:
    (problem,) = refuse(f"resources: {{{resources}}}\n{MINIMAL}")
    assert message in problem


@pytest.mark.parametrize(
    ("resources", "service", "port"),
    [
        ("{}", "{}", 8080),
        ("{ports: 9000}", "{}", 9000),
        ("{ports: ['9000']}", "{}", 9000),
        ("{ports: [9000, 9001]}", "{ports: 9001}", 9001),
        ("{ports: 8000-8010}", "{ports: 8005}", 8005),
        ("{}", "{ports: 7000}", 7000),
        ("{any_of: [{ports: 9000, cpus: 1}, {ports: 9000}]}", "{}", 9000),
    ],
)
def test_the_main_port_is_found(load: Load, resources: str, service: str, port: int) -> None:
    text = f"resources: {resources}\nservice: {service}\nrun: x"
    assert load(text).settings().port == port


@pytest.mark.parametrize(
    ("resources", "service", "message"),
    [
        ("{ports: [1, 2]}", "{}", "service: does not say which of resources.ports"),
        ("{ports: 8000-8010}", "{}", "service: does not say which of resources.ports"),
        ("{ports: 9000}", "{ports: 9001}", "service.ports: found 9001; allowed: one of resources"),
        ("{any_of: [{ports: 1}, {ports: 2}]}", "{ports: 1}", "service.ports: found 1; allowed"),
    ],
)
def test_an_unclear_main_port_is_refused(
    refuse: Refuse, resources: str, service: str, message: str
) -> None:
    (problem,) = refuse(f"resources: {resources}\nservice: {service}\nrun: x")
    assert message in problem

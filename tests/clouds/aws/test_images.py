from __future__ import annotations

import pytest

from skyflow.clouds.aws.image_names import architecture_of, image_source
from skyflow.clouds.aws.images import Image, check_fit
from skyflow.clouds.aws.unsupported import unsupported_keys
from skyflow.errors import InvalidRequest
from skyflow.placement.offers import ResourceRequest

UBUNTU = "/aws/service/canonical/ubuntu/server"
DEEP = "/aws/service/deeplearning/ami"


@pytest.mark.parametrize(
    ("instance_type", "accelerators", "source"),
    [
        ("m6i.large", False, f"{UBUNTU}/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id"),
        ("m7g.large", False, f"{UBUNTU}/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id"),
        (
            "g6.xlarge",
            True,
            f"{DEEP}/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id",
        ),
        ("inf2.xlarge", True, "/aws/service/neuron/dlami/base/ubuntu-24.04/latest/image_id"),
        (
            "g5g.xlarge",
            True,
            f"{DEEP}/arm64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id",
        ),
    ],
)
def test_usual_image_follows_from_the_type(
    instance_type: str, accelerators: bool, source: str
) -> None:
    assert image_source(None, instance_type, accelerators) == source


@pytest.mark.parametrize(
    ("image", "part"),
    [
        ("skypilot:cpu-ubuntu", "canonical/ubuntu/server/22.04"),
        ("skypilot:custom-cpu-ubuntu-2404", "canonical/ubuntu/server/24.04"),
        ("skypilot:gpu-ubuntu-2204", "gpu-ubuntu-22.04"),
        ("skypilot:custom-gpu-ubuntu-2404", "gpu-ubuntu-24.04"),
        ("ami-0123456789abcdef0", "ami-0123456789abcdef0"),
    ],
)
def test_images_are_found_by_what_the_yaml_names(image: str, part: str) -> None:
    assert part in image_source(image, "g5.xlarge", True)


@pytest.mark.parametrize(
    ("image", "remedy"),
    [
        ("docker:vllm/vllm-openai", "docker run --gpus all --network host vllm/vllm-openai"),
        ("ubuntu", "ami-"),
        ("skypilot:k80-ubuntu-2004", "ami-"),
        ("ami-xyz", "ami-"),
    ],
)
def test_other_images_are_refused_with_the_remedy(image: str, remedy: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        image_source(image, "g5.xlarge", True)
    assert remedy in (caught.value.remedy or "")


@pytest.mark.parametrize(
    "instance_type", ["p3.2xlarge", "inf1.xlarge", "dl1.24xlarge", "g4ad.xlarge"]
)
def test_accelerators_that_the_driver_does_not_support_need_an_image(instance_type: str) -> None:
    with pytest.raises(InvalidRequest, match="driver"):
        image_source(None, instance_type, True)
    assert image_source("ami-01234567", instance_type, True) == "ami-01234567"


@pytest.mark.parametrize(
    ("instance_type", "architecture"),
    [
        ("g5.xlarge", "x86_64"),
        ("g6.xlarge", "x86_64"),
        ("gr6.4xlarge", "x86_64"),
        ("p4d.24xlarge", "x86_64"),
        ("p6-b200.48xlarge", "x86_64"),
        ("u-6tb1.56xlarge", "x86_64"),
        ("a1.large", "arm64"),
        ("c7gn.large", "arm64"),
        ("im4gn.large", "arm64"),
        ("x2gd.large", "arm64"),
        ("p6e-gb200.36xlarge", "arm64"),
    ],
)
def test_processors_follow_from_the_name_of_the_type(instance_type: str, architecture: str) -> None:
    assert architecture_of(instance_type) == architecture


def test_image_must_fit_the_type_and_the_disk() -> None:
    image = Image("ami-1", "/dev/sda1", 75, "x86_64")
    check_fit(image, "g5.xlarge", 75)
    with pytest.raises(InvalidRequest, match="needs 75 GiB"):
        check_fit(image, "g5.xlarge", 74)
    with pytest.raises(InvalidRequest, match="needs arm64"):
        check_fit(image, "g5g.xlarge", 100)


@pytest.mark.parametrize(
    ("request_", "key", "remedy"),
    [
        (ResourceRequest(images=(("", "docker:vllm/vllm-openai"),)), "image_id", "docker run"),
        (ResourceRequest(labels=(("aws:x", "1"),)), "labels", "AWS"),
        (ResourceRequest(labels=(("skyflow-machine", "1"),)), "labels", "itself sets"),
        (ResourceRequest(labels=(("x", "1" * 257),)), "labels", "256"),
        (ResourceRequest(accelerator="V100", accelerator_count=1), "accelerators", "ami-"),
    ],
)
def test_what_works_nowhere_is_said_before_anything_is_asked(
    request_: ResourceRequest, key: str, remedy: str
) -> None:
    found = unsupported_keys(request_)
    assert list(found) == [key]
    assert remedy in found[key]


def test_own_image_makes_up_for_a_missing_driver() -> None:
    wanted = ResourceRequest(accelerator="V100", images=(("", "ami-01234567"),))
    assert unsupported_keys(wanted) == {}

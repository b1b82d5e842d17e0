"""What machines of AWS cannot have, wherever they are: nothing is asked."""

from __future__ import annotations

from collections.abc import Mapping

from skyflow.clouds.aws.image_names import NO_DRIVER, check_name
from skyflow.clouds.aws.tags import label_problem
from skyflow.errors import InvalidRequest
from skyflow.placement.offers import ResourceRequest


def unsupported_keys(request: ResourceRequest) -> Mapping[str, str]:
    """Return the keys of `resources` that ask for it, each with why and the remedy."""
    images = [problem for _, image in request.images if (problem := _image_problem(image))]
    labels = [problem for label in request.labels if (problem := label_problem(*label))]
    found = {"image_id": images, "labels": labels, "accelerators": _accelerator_problems(request)}
    return {key: problems[0] for key, problems in found.items() if problems}


def _image_problem(image: str) -> str | None:
    try:
        check_name(image)
    except InvalidRequest as error:
        return f"{error.message}; {error.remedy}"
    return None


def _accelerator_problems(request: ResourceRequest) -> list[str]:
    if request.accelerator not in NO_DRIVER or request.images:
        return []
    return [
        f"AWS has no image with a driver for {request.accelerator}; give image_id as ami-... of "
        "one that has, or use newer accelerators"
    ]

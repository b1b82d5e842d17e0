"""What the options of a command ask for by themselves, without a service YAML."""

from __future__ import annotations

from pydantic import ValidationError

from skyflow.errors import UsageError
from skyflow.placement.offers import ResourceRequest
from skyflow.spec.composer import compose
from skyflow.spec.declaration import Declaration
from skyflow.spec.document import Mapping, plain
from skyflow.spec.options import ResourceOverrides
from skyflow.spec.overrides import apply_overrides
from skyflow.spec.problems import ProblemWriter
from skyflow.spec.requests import resource_requests
from skyflow.spec.variables import Variables

_LEAST_SERVICE = "service: {}\nrun: 'true'\n"


def requests_of(given: ResourceOverrides) -> tuple[ResourceRequest, ...]:
    """Return what is asked for by values that have the forms of a service YAML.

    Raises:
        UsageError: A value is not of an allowed form.

    """
    root, _ = compose(_LEAST_SERVICE, "")
    assert isinstance(root, Mapping)  # noqa: S101 - it is what the text above says
    filled = apply_overrides(root, given)
    try:
        declaration = Declaration.model_validate(plain(filled))
    except ValidationError as error:
        writer = ProblemWriter(filled, Variables({}, {}, frozenset()))
        problems = writer.from_validation(error)
        raise UsageError("; ".join(f"{each.key}: {each.message}" for each in problems)) from None
    return resource_requests(declaration.resources)

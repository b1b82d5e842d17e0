"""A fixed set of services for a balancer that is alone: YAML to endpoint sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from skyflow.errors import Problem, SpecError, UsageError
from skyflow.spec.composer import compose
from skyflow.spec.details import faults_of, validated
from skyflow.spec.document import Mapping, plain
from skyflow.spec.faults import Fault, allowed, refused, wrong
from skyflow.spec.load_balancer import LoadBalancer
from skyflow.spec.marks import Mark, marked
from skyflow.spec.names import NAME_FORMS, check_service_name
from skyflow.spec.numbers import Port
from skyflow.spec.problems import ProblemWriter
from skyflow.spec.section import Section, section_of
from skyflow.spec.service import INSTANCE_AWARE, Service
from skyflow.spec.source import read_source
from skyflow.spec.task import Task
from skyflow.spec.variables import Variables
from skyflow.state import Endpoint, EndpointSet, ServiceSettings

_EXPECTED = "`services`, a list of mappings with `name`, `port` and `endpoints`"
_URL_FORMS = "http://HOST:PORT, http://[IPv6]:PORT or unix:/PATH"
_ANY_NUMBER = Annotated[float, Field(ge=0, le=1_000_000)]


def load_static(path: Path) -> tuple[EndpointSet, ...]:
    """Load a file that says which services a balancer serves, and from where.

    What a service says of the balancer means the same as in a service YAML.

    Returns:
        An endpoint set for each service, its endpoints numbered from 1; which incarnation and
        generation it is remains to be said.

    Raises:
        SpecError: The file is not valid; it holds every problem found, in the order of the file.
    """
    root, problems = compose(read_source(path), str(path), _EXPECTED)
    if not isinstance(root, Mapping):
        raise SpecError(str(path), [Problem(f"found no keys; allowed: {_EXPECTED}")])
    writer = ProblemWriter(root, Variables(envs={}, secrets={}, missing=frozenset()))
    try:
        file = StaticFile.model_validate(plain(root))
    except ValidationError as error:
        problems += writer.from_faults(faults_of(error, StaticFile))
    else:
        problems += [writer.at(where, Mark.NOT_YET.value) for where in marked(file, Mark.NOT_YET)]
    if problems:
        raise SpecError(str(path), sorted(problems, key=lambda each: (each.line or 0, each.key)))
    return tuple(_endpoint_set(service) for service in file.services)


def read_endpoint(value: Any) -> Any:
    """Return either form of an endpoint as a mapping."""
    if isinstance(value, str):
        return {"url": value}
    if not isinstance(value, dict):
        raise allowed(f"a URL ({_URL_FORMS}), or a mapping with `url`")
    return value


class _StaticEndpoint(Section):
    url: str
    """Where the replica is reached."""

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if not _is_endpoint(url):
            raise allowed(_URL_FORMS)
        return url


def _is_endpoint(url: str) -> bool:
    if url.startswith("unix:"):
        return url.startswith("unix:/") and len(url) > len("unix:/")
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain_host = parts.scheme == "http" and parts.hostname and "@" not in parts.netloc
    return bool(
        plain_host
        and has_port
        and url.isascii()
        and parts.path in ("", "/")
        and not (parts.query or parts.fragment)
    )


_numbers: dict[str, Any] = {
    key: (_ANY_NUMBER, field.default)
    for key, field in Endpoint.model_fields.items()
    if field.annotation is float
}

StaticEndpoint = create_model("StaticEndpoint", __base__=_StaticEndpoint, **_numbers)
"""A replica: its URL, and whatever else an endpoint set says of one in numbers."""

_Endpoint: TypeAlias = Annotated[StaticEndpoint, BeforeValidator(read_endpoint)]


class _StaticService(Section):
    name: str
    """Name of the service, in measures and logs."""
    port: Port
    """Port that it is served on."""
    endpoints: Annotated[tuple[_Endpoint, ...], Field(strict=False)]
    """Replicas: URLs, or mappings with `url`."""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        try:
            check_service_name(name)
        except UsageError:
            raise allowed(NAME_FORMS) from None
        return name

    @field_validator("endpoints")
    @classmethod
    def _check_endpoints(cls, endpoints: tuple[Any, ...]) -> tuple[Any, ...]:
        faults = _repeated([each.url for each in endpoints], "url")
        if faults:
            raise refused(faults)
        return endpoints

    @model_validator(mode="after")
    def _check_balancer(self) -> _StaticService:
        _service(self)
        return self


BALANCER_KEYS = tuple(
    key
    for key, field in Service.model_fields.items()
    if key in EndpointSet.model_fields or section_of(field.annotation) is LoadBalancer
)
"""Keys of `service` that say something to a balancer."""

_settings: dict[str, Any] = {
    key: (Service.model_fields[key].annotation, Service.model_fields[key]) for key in BALANCER_KEYS
}

StaticService = create_model("StaticService", __base__=_StaticService, **_settings)
"""A service, with every key of `service` that concerns the balancer."""


class StaticFile(Section):
    """What a balancer that is alone serves."""

    services: Annotated[tuple[StaticService, ...], Field(strict=False)]
    """The services."""

    @field_validator("services")
    @classmethod
    def _check_services(cls, services: tuple[Any, ...]) -> tuple[Any, ...]:
        if not services:
            raise wrong("is empty; allowed: at least one service")
        faults = [
            *_repeated([each.name for each in services], "name"),
            *_repeated([each.port for each in services], "port"),
        ]
        if faults:
            raise refused(faults)
        return services


def _repeated(values: Sequence[Any], key: str) -> list[Fault]:
    return [
        Fault(f"'{value}' is there twice; allowed: each {key} once", (at, key))
        for at, value in enumerate(values)
        if value in values[:at]
    ]


def _service(static: _StaticService) -> Service:
    """Return the section of a service YAML that says the same.

    Raises:
        PydanticCustomError: What is said does not go together; it carries every fault.
    """
    values = {key: getattr(static, key) for key in BALANCER_KEYS if key in static.model_fields_set}
    if values.get("load_balancing_policy") == INSTANCE_AWARE:
        # Elsewhere it needs to know kinds of machines; here each endpoint says what it can take.
        del values["load_balancing_policy"]
    return validated(Service, values)


def _endpoint_set(static: Any) -> EndpointSet:
    settings = Task.model_construct(service=_service(static), run="", redacted="").settings()
    said = {key: getattr(settings, key) for key in _common_keys()}
    said |= {"load_balancing_policy": static.load_balancing_policy, "port": static.port}
    return EndpointSet(
        service=static.name,
        incarnation="",
        started_at=0,
        generation=0,
        endpoints=tuple(
            Endpoint(replica_id=number, **each.model_dump())
            for number, each in enumerate(static.endpoints, 1)
        ),
        **said,
    )


def _common_keys() -> Iterator[str]:
    return (key for key in ServiceSettings.model_fields if key in EndpointSet.model_fields)

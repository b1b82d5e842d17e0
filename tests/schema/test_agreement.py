"""The schema accepts whatever the models accept, and what they write."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from skyflow.spec.declaration import Declaration
from tests.schema.drawing import ANY_VALUE, SCHEMA, documents

VALIDATOR = Draft202012Validator(SCHEMA)
MANY = settings(max_examples=150, deadline=None, derandomize=True)
SOME = settings(max_examples=60, deadline=None, derandomize=True)

FULL: dict[str, Any] = {
    "run": "serve",
    "service": {
        "readiness_probe": {},
        "replica_policy": {
            "min_replicas": 1,
            "max_replicas": 1,
            "schedule": [{"cron": "0 8 * * *", "min_replicas": 1}],
        },
        "load_balancer": {},
        "tls": {"keyfile": "a", "certfile": "b"},
        "queue": {},
        "auth": {"api_keys": ["12345678"]},
        "rate_limit": {"requests_per_second": 1},
        "update": {"mode": "canary", "canary": {"steps": [{"weight": 1}], "analysis": {}}},
    },
    "resources": {"any_of": [{}]},
    "workdir": {"url": "https://a/b"},
    "file_mounts": {"/a": {"name": "b"}},
}
"""A document in which every section stands once."""

PLACES: dict[str, tuple[str | int, ...]] = {
    "Service": ("service",),
    "ReadinessProbe": ("service", "readiness_probe"),
    "ReplicaPolicy": ("service", "replica_policy"),
    "ScheduledBounds": ("service", "replica_policy", "schedule", 0),
    "LoadBalancer": ("service", "load_balancer"),
    "Tls": ("service", "tls"),
    "Queue": ("service", "queue"),
    "Auth": ("service", "auth"),
    "RateLimit": ("service", "rate_limit"),
    "Update": ("service", "update"),
    "Canary": ("service", "update", "canary"),
    "CanaryStep": ("service", "update", "canary", "steps", 0),
    "CanaryAnalysis": ("service", "update", "canary", "analysis"),
    "Resources": ("resources",),
    "Alternative": ("resources", "any_of", 0),
    "GitSource": ("workdir",),
    "StorageMount": ("file_mounts", "/a"),
}
"""Where each section stands in it."""


def declared(document: Any) -> Declaration | None:
    try:
        return Declaration.model_validate(document)
    except ValidationError:
        return None


@MANY
@given(documents())
def test_what_the_models_write_is_accepted(document: Any) -> None:
    declaration = declared(document)
    assume(declaration is not None)
    assert declaration is not None
    VALIDATOR.validate(declaration.model_dump(mode="json"))


def test_the_full_document_has_every_section_and_is_accepted_by_both() -> None:
    assert declared(FULL) is not None
    VALIDATOR.validate(FULL)
    assert PLACES.keys() == {name for name, shape in SCHEMA["$defs"].items() if shape}


@pytest.mark.parametrize("section", ["", *PLACES])
@SOME
@given(data=st.data())
def test_any_value_that_the_models_accept_is_accepted(section: str, data: st.DataObject) -> None:
    shape = SCHEMA["$defs"][section] if section else SCHEMA
    key = data.draw(st.sampled_from(sorted(shape["properties"].keys() - {"envs", "secrets"})))
    document = copy.deepcopy(FULL)
    place: Any = document
    for step in PLACES.get(section, ()):
        place = place[step]
    place[key] = data.draw(ANY_VALUE)
    if declared(document) is not None:
        VALIDATOR.validate(document)

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skyflow.errors import SpecError
from skyflow.spec import Declaration, Task, load_task
from tests.spec.conftest import options
from tests.spec.strategies import DOCUMENTS, keys

KEYS = sorted({*keys(Declaration), "A", "B", "/x", "$A", "L4:2", "pool", "workers", "<<"})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["/", ".", "$A", "${B}", "L4:2", "4+", "16GB", "aws/*", "round_robin", "~x"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=25,
)
TEXT = st.text("aZ09 $\\\"'{}:#-\n\tßλ語", max_size=9)
SETTINGS = settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


def load_or_refuse(content: bytes) -> Task | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "service.yaml"
        path.write_bytes(content)
        try:
            task = load_task(path, options())
        except SpecError:
            return None
    task.settings()
    assert Task.model_validate_json(task.model_dump_json()) == task
    assert yaml.safe_load(task.redacted_yaml())
    assert {each.key for each in task.unsupported()} == {
        each.key for each in Task.model_validate_json(task.model_dump_json()).unsupported()
    }
    return task


@SETTINGS
@given(st.binary(max_size=400))
def test_any_bytes_give_a_spec_or_a_spec_error(content: bytes) -> None:
    load_or_refuse(content)


@SETTINGS
@given(st.text(alphabet="abc:-[]{}&*!|>'\"%@`#,? \n\t<$~./0123456789", max_size=300))
def test_any_yaml_like_text_gives_a_spec_or_a_spec_error(text: str) -> None:
    load_or_refuse(text.encode())


@SETTINGS
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8))
def test_any_structure_gives_a_spec_or_a_spec_error(document: dict[str, Any]) -> None:
    load_or_refuse(yaml.dump(document, allow_unicode=True).encode())


@SETTINGS
@given(
    service=st.fixed_dictionaries(
        {},
        optional={
            "replicas": st.integers(0, 1000),
            "readiness_probe": st.fixed_dictionaries(
                {"path": st.just("/health")},
                optional={
                    "timeout_seconds": st.floats(0.001, 1e6),
                    "post_data": st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
                    "headers": st.dictionaries(st.just("X-A"), st.text("abc$ é", max_size=9)),
                },
            ),
            "load_balancing_policy": st.sampled_from(["least_load", "round_robin"]),
            "retry": st.sampled_from(["safe", "all", "none"]),
            "drain_seconds": st.integers(0, 86400),
        },
    ),
    envs=st.dictionaries(st.from_regex("[A-Z]{1,6}", fullmatch=True), TEXT),
)
def test_valid_structures_load_with_what_they_say(
    service: dict[str, Any], envs: dict[str, str]
) -> None:
    document = {"service": service, "run": "serve", "envs": envs}
    task = load_or_refuse(yaml.dump(document, allow_unicode=True).encode())
    assert task is not None
    assert task.service.target == service.get("replicas", 1)
    assert task.environment() == envs


@SETTINGS
@given(DOCUMENTS, st.sampled_from(KEYS), VALUES, st.randoms(use_true_random=False))
def test_a_good_file_with_one_thing_changed_gives_a_spec_or_a_spec_error(
    document: dict[str, Any], key: str, value: Any, random: Random
) -> None:
    places = list(mappings(document))
    random.choice(places)[key] = value
    load_or_refuse(yaml.dump(document, allow_unicode=True).encode())


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from mappings(inner)

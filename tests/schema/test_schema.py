"""The schema is valid, explains itself, and is the one that is published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from skyflow.spec.declaration import Declaration
from skyflow.spec.schema import service_schema
from skyflow.spec.section import Section, section_of

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("**/*.yaml"))
PUBLISHED = Path(__file__).parents[2] / "docs" / "service.schema.json"
SCHEMA = service_schema()


def sections(section: type[Section] = Declaration) -> Iterator[type[Section]]:
    yield section
    for field in section.model_fields.values():
        if inner := section_of(field.annotation):
            yield from sections(inner)


SECTIONS = sorted(set(sections()), key=lambda section: section.__name__)


def of(section: type[Section]) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA if section is Declaration else SCHEMA["$defs"][section.__name__]
    return found


def test_the_schema_is_a_schema_of_draft_2020_12() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_published_schema_is_the_one_that_the_models_make() -> None:
    assert json.loads(PUBLISHED.read_text()) == SCHEMA, (
        "write it again: skyflow serve schema --output docs/service.schema.json"
    )


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_key_is_explained(section: type[Section]) -> None:
    properties = of(section)["properties"]
    assert properties.keys() == section.model_fields.keys()
    assert [key for key, shape in properties.items() if not shape.get("description")] == []


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_unknown_keys_are_refused(section: type[Section]) -> None:
    assert of(section)["additionalProperties"] is False


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name + path.stem)
def test_editors_find_the_schema_of_every_example(example: Path) -> None:
    first = example.read_text().splitlines()[0]
    where = first.removeprefix("# yaml-language-server: $schema=")
    assert (example.parent / where).resolve() == PUBLISHED

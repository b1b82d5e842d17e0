"""The JSON Schema of the service YAML, for editors: generated from the models."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from skyflow.spec.declaration import Declaration
from skyflow.spec.marks import Mark
from skyflow.spec.schema_forms import (
    NOTHING,
    TEXT,
    VARIABLE,
    form_of,
    prepared_form,
    rules,
)
from skyflow.spec.section import Section, section_of
from skyflow.spec.service import Service

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "urn:skyflow:service.schema.json"

_NOT_OF_VALUES = ("title", "description", "default", "format")
_COLLECTIONS = ("object", "array")
_DESCRIPTION = (
    "A service YAML of skyflow. The schema accepts every file that skyflow accepts; rules between "
    "keys that it cannot express are checked by `skyflow serve validate`."
)


def service_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a service YAML, read as YAML 1.1 reads it."""
    made = Declaration.model_json_schema(schema_generator=_Generator, mode="validation")
    head = {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        "title": "skyflow service",
        "description": _DESCRIPTION,
    }
    return {**head, **{key: value for key, value in made.items() if key not in head}}


class _Generator(GenerateJsonSchema):
    """Writes what may stand in the file where the models hold what became of it."""

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        reader = schema["function"]["function"].__qualname__
        return form_of(reader, super().function_before_schema(schema))

    def function_after_schema(
        self, schema: core_schema.AfterValidatorFunctionSchema
    ) -> JsonSchemaValue:
        checker = schema["function"]["function"].__qualname__
        return form_of(checker, super().function_after_schema(schema))

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        section = schema["cls"]
        required = made.get("required", ())
        made["properties"] = {
            key: _property(
                prepared_form(section.__name__, key) or shape,
                _description(section, key),
                nullable=key not in required,
                filled_in=section in _filled_in_sections(),
            )
            for key, shape in made["properties"].items()
        }
        if between := rules(section.__name__):
            made["allOf"] = between
        return made


def _description(section: type[Section], key: str) -> str:
    field = section.model_fields[key]
    marks = [mark.value for mark in Mark if mark in field.metadata]
    sentences = [field.description or "", *(f"It {mark}." for mark in marks)]
    return " ".join(sentences).replace("\n", " ").strip()


def _property(
    shape: JsonSchemaValue, description: str, *, nullable: bool, filled_in: bool
) -> JsonSchemaValue:
    """Return the schema of one key: null stands for leaving it out, a variable for any value."""
    rest = {key: value for key, value in shape.items() if key not in _NOT_OF_VALUES}
    forms = _alternatives(rest)
    if filled_in and _may_be_variable(forms):
        forms.append(VARIABLE)
    if nullable:
        forms.append(NOTHING)
    made: JsonSchemaValue = {"description": description}
    made |= forms[0] if len(forms) == 1 else {"anyOf": forms}
    if shape.get("default") is not None:
        made["default"] = shape["default"]
    return made


def _may_be_variable(forms: list[JsonSchemaValue]) -> bool:
    """Return whether a single value may stand here, and no form covers a variable."""
    covered = TEXT in forms or VARIABLE in forms
    single = any("$ref" not in form and form.get("type") not in _COLLECTIONS for form in forms)
    return single and not covered


def _alternatives(shape: JsonSchemaValue) -> list[JsonSchemaValue]:
    if shape.keys() != {"anyOf"}:
        return [shape]
    nested = [_alternatives(each) for each in shape["anyOf"] if each != NOTHING]
    return [form for forms in nested for form in forms]


@cache
def _filled_in_sections() -> frozenset[type[Section]]:
    """Return the sections in which any value may be a variable: `service` and what is in it."""
    found: set[type[Section]] = set()
    waiting: list[type[Section]] = [Service]
    while waiting:
        section = waiting.pop()
        found.add(section)
        inner = (section_of(field.annotation) for field in section.model_fields.values())
        waiting += [each for each in inner if each is not None and each not in found]
    return frozenset(found)

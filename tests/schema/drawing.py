"""Draw documents from a schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from skyflow.spec.schema import service_schema
from skyflow.spec.schema_forms import VARIABLE

SCHEMA = service_schema()
MOST_KEYS = 3
"""Most optional keys of a mapping: with more, nearly no document keeps all rules between keys."""

Drawn = st.SearchStrategy[Any]

ANY_TEXT = st.text("ab1-_./ ", max_size=8)
ANY_VALUE: Drawn = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 70_000)
    | st.floats(-1, 1e6)
    | ANY_TEXT
    | st.from_regex(r"\A[1-9]\d?(\.5)? ?[KMGT]?(i?B)?\+?\Z", alphabet=st.characters(codec="ascii"))
    | st.sampled_from(
        [
            "LOW",
            "Copy",
            "L4",
            "a10g:2",
            "A100-80GB:0.5",
            "aws/us-east-1",
            "*/*/a",
            "8000-8010",
            "/a",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            ANY_TEXT | st.sampled_from(["L4", "A10G:8", "/a", "path"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)


def documents() -> Drawn:
    """Return documents that the schema accepts, its rules between keys aside."""
    return drawn(SCHEMA)


_DRAWN: dict[int, Drawn] = {}


def drawn(schema: dict[str, Any]) -> Drawn:
    """Return values of a part of the schema, which uses no more of the language than is here."""
    if id(schema) not in _DRAWN:
        _DRAWN[id(schema)] = _drawn(schema)
    return _DRAWN[id(schema)]


def _drawn(schema: dict[str, Any]) -> Drawn:
    if "$ref" in schema:
        return drawn(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of([drawn(form) for form in schema["anyOf"] if form != VARIABLE])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return st.one_of([_OF_TYPE[kind](schema) for kind in kinds]) if kinds else ANY_VALUE


def _object(schema: dict[str, Any]) -> Drawn:
    if "properties" in schema:
        return _section(schema)
    keys = schema.get("propertyNames", {"type": "string"})
    patterns = schema.get("patternProperties", {})
    if not patterns:
        values = schema.get("additionalProperties", {})
        return _dictionaries(keys, drawn(values) if isinstance(values, dict) else ANY_VALUE, 0)
    least = schema.get("minProperties", 0)
    return st.one_of(
        [_dictionaries({"pattern": key}, drawn(value), least) for key, value in patterns.items()]
    )


def _section(schema: dict[str, Any]) -> Drawn:
    required = schema.get("required", [])
    optional = sorted(schema["properties"].keys() - set(required))
    chosen: st.SearchStrategy[list[str]] = st.just([])
    if optional:
        chosen = st.lists(st.sampled_from(optional), max_size=MOST_KEYS, unique=True)
    return chosen.flatmap(
        lambda keys: st.fixed_dictionaries(
            {key: drawn(schema["properties"][key]) for key in [*required, *keys]}
        )
    )


def _dictionaries(keys: dict[str, Any], values: Drawn, least: int) -> Drawn:
    return st.dictionaries(_text(keys), values, min_size=least, max_size=least + 2)


def _array(schema: dict[str, Any]) -> Drawn:
    least = schema.get("minItems", 0)
    return st.lists(drawn(schema.get("items", {})), min_size=least, max_size=least + 2)


def _text(schema: dict[str, Any]) -> Drawn:
    if "pattern" not in schema:
        return ANY_TEXT
    return st.from_regex(schema["pattern"], alphabet=st.characters(codec="ascii"))


def _number(schema: dict[str, Any]) -> Drawn:
    least = schema.get("minimum", schema.get("exclusiveMinimum", -1000))
    most = schema.get("maximum", 1000)
    return st.floats(least, most, exclude_min="exclusiveMinimum" in schema)


def _integer(schema: dict[str, Any]) -> Drawn:
    return st.integers(schema.get("minimum", -1000), schema.get("maximum", 1000))


_OF_TYPE: dict[str, Callable[[dict[str, Any]], Drawn]] = {
    "object": _object,
    "array": _array,
    "string": _text,
    "number": _number,
    "integer": _integer,
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.just(None),
}

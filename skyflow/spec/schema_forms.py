"""What may stand in the file for each value that skyflow reads in a way of its own."""

from __future__ import annotations

from typing import Any, TypeAlias

from skyflow.spec.ports import MAX_ENTRIES
from skyflow.spec.resources import MAX_ALTERNATIVES

Form: TypeAlias = dict[str, Any]

TEXT: Form = {"type": "string"}
NOTHING: Form = {"type": "null"}
VARIABLE: Form = {"type": "string", "pattern": r"\$"}

_VALUES: Form = {"type": ["string", "number", "boolean", "null"]}
_NAME_OF_VARIABLE = "(?!SKYFLOW_)[A-Za-z_][A-Za-z0-9_]*$"
_NAME_OF_SECRET: Form = {"pattern": f"^(secrets:(.*[:/])?)?{_NAME_OF_VARIABLE}"}
_ENVS: Form = {
    "type": "object",
    "propertyNames": {"pattern": f"^{_NAME_OF_VARIABLE}"},
    "additionalProperties": _VALUES,
}
_SECRETS: Form = {
    "anyOf": [
        {"type": "object", "propertyNames": _NAME_OF_SECRET, "additionalProperties": _VALUES},
        {"type": "array", "items": {"type": "string", **_NAME_OF_SECRET}},
    ]
}

_COUNT = r"\d{1,6}(\.\d{1,6})?"
_NAME: Form = {"pattern": "^[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$"}
_PATH: Form = {"pattern": "^/"}

_MODEL = r"[A-Za-z0-9][A-Za-z0-9._ -]*"
_BY_MEMORY = r"([A-Za-z]+:)?\d{1,6}(\.\d{1,3})?[MGTmgt][Ii]?[Bb]?\+?"
_ACCELERATOR = f"({_MODEL}|{_BY_MEMORY})"
_CHOICE: Form = {"type": "string", "pattern": f"^{_ACCELERATOR}(:{_COUNT})?$"}
_ACCELERATORS: Form = {
    "anyOf": [
        _CHOICE,
        {
            "type": "object",
            "minProperties": 1,
            "patternProperties": {
                f"^{_ACCELERATOR}$": {"type": ["number", "string", "null"], "exclusiveMinimum": 0},
                f"^{_ACCELERATOR}:{_COUNT}$": NOTHING,
            },
            "additionalProperties": False,
        },
        {"type": "array", "minItems": 1, "items": _CHOICE},
    ]
}

_PORT: Form = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 65535},
        {"type": "string", "pattern": r"^\d{1,5}(-\d{1,5})?$"},
    ]
}
_PORTS: Form = {
    "anyOf": [
        *_PORT["anyOf"],
        {"type": "array", "minItems": 1, "maxItems": MAX_ENTRIES, "items": _PORT},
    ]
}


def _amount(pattern: str) -> Form:
    return {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": rf"^\s*\d{{1,9}}(\.\d{{1,9}})?\s*{pattern}\s*$"},
        ]
    }


_DISK_KIND = "([Nn][Vv][Mm][Ee]|[Ss][Ss][Dd])"
_DISK_SIZE = r"\d{1,9}(\.\d{1,3})?\+?"
_LOCAL_DISK: Form = {
    "type": "string",
    "pattern": rf"^\s*({_DISK_KIND}|({_DISK_KIND}:)?{_DISK_SIZE})\s*$",
}

_UNIT = "([KMGTPkmgtp]([Ii]?[Bb])?)?"


_READ: dict[str, Form] = {
    "read_accelerators": _ACCELERATORS,
    "read_cpus": _amount(r"\+?"),
    "read_memory": _amount(rf"{_UNIT}\+?"),
    "read_local_disk": _LOCAL_DISK,
    "read_disk_size": _amount(_UNIT),
    "read_ports": _PORTS,
}
"""Of functions that read a value before its type is checked: what they take."""

_NARROWED: dict[str, tuple[str, Form]] = {
    "read_probe": ("string", _PATH),
    "Declaration._check_name": ("string", _NAME),
    "ReadinessProbe._check_path": ("string", _PATH),
    "Resources._read_alternatives": ("array", {"minItems": 1, "maxItems": MAX_ALTERNATIVES}),
}
"""Of functions that check values of a type: what they demand of them."""

_CASELESS = ("read_tier", "StorageMount._read_mode")
"""Functions that take a word in any case."""

_PREPARED: dict[tuple[str, str], Form] = {
    ("Declaration", "envs"): _ENVS,
    ("Declaration", "secrets"): _SECRETS,
}
"""Keys that are read before the models see them."""


def form_of(function: str, form: Form) -> Form:
    """Return what a validator takes.

    Args:
        function: Its qualified name.
        form: What its model says of it.

    """
    if function in _NARROWED:
        kind, demands = _NARROWED[function]
        return _narrow(form, kind, demands)
    if function in _CASELESS:
        return _in_any_case(form)
    return _READ.get(function, form)


def _in_any_case(form: Form) -> Form:
    """Offer words as they are, and take them in any case."""
    letters = [
        "".join(f"[{each.upper()}{each}]" if each.isalpha() else each for each in word)
        for word in form["enum"]
    ]
    return {"anyOf": [form, {"type": "string", "pattern": f"^({'|'.join(letters)})$"}]}


def _narrow(form: Form, kind: str, demands: Form) -> Form:
    if "anyOf" in form:
        return {"anyOf": [_narrow(each, kind, demands) for each in form["anyOf"]]}
    return {**form, **demands} if form.get("type") == kind else form


def prepared_form(section: str, key: str) -> Form | None:
    """Return what a key takes that is read before the models see it; None for the others."""
    return _PREPARED.get((section, key))


def rules(section: str) -> list[Form]:
    """Return what holds between the keys of a section."""
    return [_not_both(*keys) for keys in _EXCLUSIVE.get(section, ())]


_PLACES = (("infra", "cloud"), ("infra", "region"), ("infra", "zone"))
_EXCLUSIVE = {
    "Service": (("replicas", "replica_policy"),),
    "Alternative": _PLACES,
    "Resources": (*_PLACES, ("any_of", "ordered")),
}


def _not_both(first: str, second: str) -> Form:
    given: Form = {"not": NOTHING}
    return {"not": {"required": [first, second], "properties": {first: given, second: given}}}

"""Settle the values of `envs` and `secrets`, those that the file leaves null included."""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from skyflow.spec.document import Mapping, Node, Scalar, Sequence
from skyflow.spec.faults import Fault
from skyflow.spec.options import LoadOptions

MAX_VARIABLES = 1000
"""Most envs and secrets together: each is looked for in the whole file to mask it."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED_PREFIX = "SKYFLOW_"


_MANAGED_PREFIX = "secrets:"
"""What SkyPilot writes before the name of a secret that its server keeps."""


def _settled(value: Any) -> Any:
    return value


_Key = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_Input = dict[_Key, str | float | bool | None]

EnvsInput: TypeAlias = Annotated[
    dict[str, str], BeforeValidator(_settled, json_schema_input_type=_Input)
]
"""Variables; numbers, true and false become text, null is settled when the file is loaded."""
SecretsInput: TypeAlias = Annotated[
    dict[str, str],
    BeforeValidator(
        _settled, json_schema_input_type=dict[str, str | float | bool | None] | list[str]
    ),
]
"""The same, or a list of names whose values are settled when the file is loaded."""


@dataclass(frozen=True)
class Variables:
    """The variables of a service."""

    envs: AbstractMapping[str, str] = field(repr=False)
    secrets: AbstractMapping[str, str] = field(repr=False)
    missing: frozenset[str]
    """Names that are declared but were given no value."""
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    """API keys that the file holds: as secret as `secrets`."""

    @property
    def hidden(self) -> tuple[str, ...]:
        """Values that nobody may see."""
        return (*self.secrets.values(), *self.api_keys)

    @property
    def all(self) -> dict[str, str]:
        """Envs, then secrets."""
        return {**self.envs, **self.secrets}


def settle_variables(root: Mapping, options: LoadOptions) -> tuple[Variables, list[Fault]]:
    """Return the variables, and everything wrong with them.

    A value on the command line wins over `--env-file`, that over the file, and the environment
    fills what the file leaves null. What any of them says is a secret stays one.
    """
    faults: list[Fault] = []
    declared_envs = _declared(root, "envs", faults)
    declared_secrets = _declared(root, "secrets", faults)
    faults += _twice_declared(declared_envs, declared_secrets)
    secret_names = declared_secrets.keys() | options.secrets.keys()
    given = {**options.env_file, **options.env}
    envs = {
        name: value
        for name, value in {**declared_envs, **given}.items()
        if name not in secret_names
    }
    secrets = {
        name: given.get(name, value)
        for name, value in {**declared_envs, **declared_secrets}.items()
        if name in secret_names
    }
    secrets.update(options.secrets)
    settled_envs = _fill(envs, "envs", "--env", options, faults)
    settled_secrets = _fill(secrets, "secrets", "--secret", options, faults)
    faults += _unusable(root, {**settled_envs, **settled_secrets})
    if len(envs) + len(secrets) > MAX_VARIABLES:
        message = f"found {len(envs) + len(secrets)} variables; allowed: at most {MAX_VARIABLES}"
        section = "envs" if len(envs) > len(secrets) else "secrets"
        faults.append(Fault(message, (section,), of_key=True))
    missing = (envs.keys() | secrets.keys()) - settled_envs.keys() - settled_secrets.keys()
    return Variables(settled_envs, settled_secrets, frozenset(missing)), faults


def _declared(root: Mapping, section: str, faults: list[Fault]) -> dict[str, str | None]:
    entry = root.entries.get(section)
    if entry is None or (isinstance(entry.value, Scalar) and entry.value.value is None):
        return {}
    if section == "secrets" and isinstance(entry.value, Sequence):
        return _listed(entry.value, faults)
    if not isinstance(entry.value, Mapping):
        message = "a mapping of names to values"
        faults.append(Fault(message, (section,), shows_found=True))
        return {}
    values: dict[str, str | None] = {}
    for name, variable in entry.value.entries.items():
        value = _value(variable.value, (section, name), faults)
        values[_bare_name(name) if section == "secrets" else name] = value
    return values


def _listed(names: Sequence, faults: list[Fault]) -> dict[str, str | None]:
    """Return the names of a list of secrets: values are given beside the file."""
    values: dict[str, str | None] = {}
    for at, item in enumerate(names.items):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            values[_bare_name(item.value)] = None
        else:
            faults.append(Fault("the name of a secret", ("secrets", at), shows_found=True))
    return values


def _bare_name(name: str) -> str:
    """Return the name of a variable for a secret such as `secrets:HF_TOKEN`."""
    if not name.startswith(_MANAGED_PREFIX):
        return name
    return re.split("[:/]", name)[-1]


def _value(node: Node, path: tuple[str, str], faults: list[Fault]) -> str | None:
    if not isinstance(node, Scalar):
        kind = "a mapping" if isinstance(node, Mapping) else "a list"
        faults.append(Fault(f"found {kind}; allowed: text, a number, true, false or null", path))
        return ""
    return None if node.value is None else str(node.value)


def _twice_declared(
    envs: AbstractMapping[str, str | None], secrets: AbstractMapping[str, str | None]
) -> list[Fault]:
    return [
        Fault("is in `envs` too; allowed: one of the two", ("secrets", name), of_key=True)
        for name in secrets
        if name in envs
    ]


def _fill(
    values: AbstractMapping[str, str | None],
    section: str,
    flag: str,
    options: LoadOptions,
    faults: list[Fault],
) -> dict[str, str]:
    filled: dict[str, str] = {}
    for name, value in values.items():
        found = options.environ.get(name) if value is None else value
        if found is None:
            message = f"has no value; give it with {flag} {name}=... or in the environment"
            faults.append(Fault(message, (section, name), of_key=True))
            continue
        filled[name] = found
    return filled


def _unusable(root: Mapping, values: AbstractMapping[str, str]) -> list[Fault]:
    faults = []
    for name, value in values.items():
        path = _origin(root, name)
        if not _NAME.fullmatch(name):
            message = f"'{name}' cannot name a variable; allowed: letters, digits and _"
            faults.append(Fault(message, path, of_key=True))
        elif name.startswith(_RESERVED_PREFIX):
            message = (
                f"'{name}' is set by skyflow itself; allowed: names without {_RESERVED_PREFIX}"
            )
            faults.append(Fault(message, path, of_key=True))
        if "\0" in value:
            faults.append(Fault("holds a NUL character, which no variable can", path, of_key=True))
        if not _is_unicode(value):
            faults.append(Fault("has a value that is not UTF-8", path, of_key=True))
    return faults


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        # What Python makes of bytes in the environment that are not UTF-8.
        return False
    return True


def _origin(root: Mapping, name: str) -> tuple[str, ...]:
    for section in ("envs", "secrets"):
        entry = root.entries.get(section)
        if entry and isinstance(entry.value, Mapping) and name in entry.value.entries:
            return (section, name)
    return (f"--env or --secret {name}",)

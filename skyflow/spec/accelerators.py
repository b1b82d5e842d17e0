"""Accelerators that would do: one, several of equal worth, or several in order of preference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

from skyflow.accelerators import canonical_accelerator
from skyflow.spec.document import KeyPath
from skyflow.spec.faults import Fault, refused
from skyflow.spec.quantities import write_number

AcceleratorChoices: TypeAlias = dict[str, None] | tuple[str, ...]
"""`NAME:COUNT` as the keys of a dict if they are of equal worth, as a tuple if in order."""

MAX_CHOICES = 50
"""Most accelerators that one request may name."""

_CHOICE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._ -]*)(?::(\d{1,6}(?:\.\d{1,6})?))?")
_BY_MEMORY = re.compile(
    r"(?:([A-Za-z]+):)?(\d{1,6}(?:\.\d{1,3})?)([MGT])i?B?(\+?)(?::(\d{1,6}))?", re.IGNORECASE
)
_GIB = {"M": 1 / 1024, "G": 1.0, "T": 1024.0}
_WHAT = "NAME or NAME:COUNT such as L4 or A100-80GB:2, with a count above 0"
_FORMS = "NAME or NAME:COUNT such as L4:8, a mapping of names to counts, or a list"


@dataclass(frozen=True)
class Accelerator:
    """What each accelerator of a machine must be, and how many of it the machine has."""

    name: str | None
    """None for any that has the memory."""
    count: float
    memory_gib: float | None = None
    """Memory of each in GiB, where that is asked for in place of a name."""
    memory_or_more: bool = False
    maker: str | None = None
    """Maker such as `nvidia`; None for any."""


def read_accelerators(value: Any) -> AcceleratorChoices:
    """Return any form of `resources.accelerators` as `NAME:COUNT` choices.

    Forms: `L4`, `L4:8`; `{L4: 8, A10G: null}` and, without the space, `{L4:8, A10G}`, which YAML
    reads as keys with no value; a list of `NAME:COUNT` in order of preference. In place of a name
    may stand an amount of memory, `80GB` or `80GB+`, with or without a maker: `nvidia:80GB`.
    """
    faults: list[Fault] = []
    if isinstance(value, str):
        choices = [_read_choice(value, None, (), faults)]
    elif isinstance(value, dict):
        choices = [_read_choice(name, count, (name,), faults) for name, count in value.items()]
    elif isinstance(value, list | tuple):
        choices = [_read_choice(text, None, (at,), faults) for at, text in enumerate(value)]
    else:
        choices, faults = [], [Fault(_FORMS, shows_found=True)]
    if not choices and not faults:
        faults.append(Fault("is empty; allowed: " + _FORMS))
    if len(choices) > MAX_CHOICES:
        faults.append(Fault(f"found {len(choices)} accelerators; allowed: at most {MAX_CHOICES}"))
    if faults:
        raise refused(faults)
    unique = dict.fromkeys(choices)
    return tuple(unique) if isinstance(value, list | tuple) else unique


Accelerators: TypeAlias = Annotated[
    AcceleratorChoices,
    BeforeValidator(
        read_accelerators, json_schema_input_type=str | dict[str, float | None] | list[str]
    ),
]
"""Accelerators in any form."""


def parse_accelerators(accelerators: AcceleratorChoices | None) -> tuple[Accelerator, ...]:
    """Return the accelerators of a request that `read_accelerators` made, in its order."""
    return tuple(_parse(choice) for choice in accelerators or ())


def _parse(choice: str) -> Accelerator:
    name, _, count = choice.rpartition(":")
    memory = _BY_MEMORY.fullmatch(name)
    if memory is None:
        return Accelerator(name, float(count))
    gib = float(memory[2]) * _GIB[memory[3].upper()]
    return Accelerator(None, float(count), gib, bool(memory[4]), memory[1])


def _read_choice(text: Any, count: Any, path: KeyPath, faults: list[Fault]) -> str:
    name, written = _split(text)
    if not name or (written is not None and count is not None):
        faults.append(Fault(_WHAT, path, shows_found=True, of_key=isinstance(count, int | float)))
        return ""
    number = _read_count(written if count is None else count)
    if number is None:
        faults.append(Fault(_WHAT, path, shows_found=True))
        return ""
    return f"{name}:{write_number(number)}"


def _split(text: Any) -> tuple[str, str | None]:
    """Return the canonical name and the count of a choice; an empty name if it is malformed."""
    if not isinstance(text, str):
        return "", None
    if memory := _BY_MEMORY.fullmatch(text):
        gib = write_number(float(memory[2]) * _GIB[memory[3].upper()])
        maker = f"{memory[1].lower()}:" if memory[1] else ""
        return f"{maker}{gib}GB{memory[4]}", memory[5]
    match = _CHOICE.fullmatch(text)
    if match is None:
        return "", None
    name = canonical_accelerator(match[1])
    if name is None and " " in match[1]:
        return "", None
    return name or match[1], match[2]


def _read_count(value: Any) -> float | None:
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        count = float(value)
    except (ValueError, OverflowError):
        return None
    return count if 0.001 <= count <= 1_000_000 else None

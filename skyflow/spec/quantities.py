"""Amounts such as `4+` CPUs or `16GB` of memory."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

from skyflow.spec.faults import allowed

_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([A-Za-z]*)(\+?)")
_GIB = {"": 1.0, "MB": 1 / 1024, "GB": 1.0, "TB": 1024.0, "MI": 1 / 1024, "GI": 1.0, "TI": 1024.0}
_GIB |= {"KB": 1 / 1024**2, "PB": 1024.0**2}
_GIB |= {"MIB": 1 / 1024, "GIB": 1.0, "TIB": 1024.0, "M": 1 / 1024, "G": 1.0, "T": 1024.0}
_LEAST = 0.001
"""Smallest amount, well above what six decimals can tell from nothing."""

_CPUS = "a number of CPUs above 0 such as 4, or 4+ for at least 4"
_MEMORY = "a number of GiB above 0 such as 16, 16GB, or 16+ for at least 16"
_DISK = "a whole number of GiB above 0 such as 256, or 512GB"


def read_cpus(value: Any) -> str:
    """Return a number of CPUs in the form `4` or `4+`."""
    amount, unit, suffix = _read(value, _CPUS)
    if unit:
        raise allowed(_CPUS)
    return _write(amount) + suffix


def read_memory(value: Any) -> str:
    """Return an amount of memory in GiB in the form `16` or `16+`."""
    amount, unit, suffix = _read(value, _MEMORY)
    return _write(_gib(amount, unit, _MEMORY)) + suffix


def read_disk_size(value: Any) -> int:
    """Return the size of a disk in GiB."""
    amount, unit, suffix = _read(value, _DISK)
    gib = _gib(amount, unit, _DISK)
    if suffix or gib < 1 or not gib.is_integer():
        raise allowed(_DISK)
    return int(gib)


Cpus: TypeAlias = Annotated[str, BeforeValidator(read_cpus, json_schema_input_type=float | str)]
"""A number of CPUs: `4`, or `4+` for at least 4."""
Memory: TypeAlias = Annotated[str, BeforeValidator(read_memory, json_schema_input_type=float | str)]
"""Memory in GiB: `16`, or `16+` for at least 16."""
DiskSize: TypeAlias = Annotated[
    int, BeforeValidator(read_disk_size, json_schema_input_type=int | str)
]
"""Size of a disk in GiB."""


def parse_amount(text: str) -> tuple[float, bool]:
    """Return the number in `4` or `4+`, and whether more will do."""
    return float(text.removesuffix("+")), text.endswith("+")


def write_number(value: float) -> str:
    """Return a number without needless decimals or exponent."""
    return _write(value)


def _read(value: Any, what: str) -> tuple[float, str, str]:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise allowed(what)
    text = _write(value) if isinstance(value, float) else str(value)
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or float(match[1]) < _LEAST:
        raise allowed(what)
    return float(match[1]), match[2], match[3]


def _gib(amount: float, unit: str, what: str) -> float:
    factor = _GIB.get(unit.upper())
    if factor is None or amount * factor < _LEAST:
        raise allowed(what)
    return amount * factor


def _write(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")

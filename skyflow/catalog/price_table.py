"""Prices in the form that people write: CSV, a row for each type of machine and zone."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from skyflow.accelerators import accelerator_memory_gib, canonical_accelerator
from skyflow.catalog.machines import Listing, MachineType, Zone
from skyflow.errors import UsageError

REQUIRED_COLUMNS = ("cloud", "instance_type", "vcpus", "memory_gib", "region", "price_usd_hour")
OPTIONAL_COLUMNS = (
    *("accelerator", "accelerator_count", "accelerator_memory_gib", "local_disk_gb"),
    *("zone", "spot_usd_hour"),
)
"""A zone that is left out is the region, as at clouds without zones; a price that is left out
says that the machine is not sold so."""

MOST_FAULTS_SHOWN = 10
"""Most faulty rows that an error names."""

_NAME = re.compile(r"[A-Za-z0-9][^\s=,]*")
_REMEDY = "correct these rows; docs/catalog.md says what each column holds"


class _Fault(Exception):
    """What is wrong with a row."""


def read_prices(path: Path, date: str) -> list[Listing]:
    """Return the listings of a table, one for each row.

    Args:
        path: Path of the file.
        date: Day on which its prices held, as `2026-01-31`.

    Raises:
        UsageError: It is not such a table; the message has a line for each faulty row.
        OSError: It cannot be read.

    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8: {error.reason}", "save it as UTF-8") from None
    rows = csv.DictReader(io.StringIO(text, newline=""))
    _check_columns(path, rows.fieldnames or ())
    faults: list[str] = []
    listings = list(_listings(path, rows, date, faults))
    if faults:
        more = len(faults) - MOST_FAULTS_SHOWN
        shown = faults[:MOST_FAULTS_SHOWN] + ([f"... and {more} more"] if more > 0 else [])
        raise UsageError("\n".join(shown), _REMEDY)
    return listings


def _check_columns(path: Path, found: Sequence[str]) -> None:
    missing = [column for column in REQUIRED_COLUMNS if column not in found]
    unknown = [column for column in found if column not in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)]
    if missing:
        raise UsageError(f"{path}:1: has no column {', '.join(missing)}", _REMEDY)
    if unknown:
        raise UsageError(f"{path}:1: has unknown columns {', '.join(unknown)}", _REMEDY)


def _listings(
    path: Path, rows: csv.DictReader[str], date: str, faults: list[str]
) -> Iterator[Listing]:
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        try:
            listing = _listing(row, date)
            key = (*listing.type[:2], listing.region, listing.zones[0].name)
            if (first := seen.setdefault(key, rows.line_num)) != rows.line_num:
                raise _Fault(f"repeats the machine and zone of line {first}")
        except _Fault as fault:
            faults.append(f"{path}:{rows.line_num}: {fault}")
        else:
            yield listing


def _listing(row: Mapping[str, str | None], date: str) -> Listing:
    if None in row or None in row.values():
        raise _Fault("has more or fewer fields than the first line")
    region = _name(row, "region")
    zone = _name(row, "zone") if row.get("zone") else region
    price, spot = _number(row, "price_usd_hour"), _number(row, "spot_usd_hour")
    if price is None and spot is None:
        raise _Fault("has no price")
    return Listing(_machine(row), region, price, (Zone(zone, spot),), date)


def _machine(row: Mapping[str, str | None]) -> MachineType:
    written = (row.get("accelerator") or "").strip()
    name = canonical_accelerator(written) or written.replace(" ", "-") or None
    count = _number(row, "accelerator_count") or 0
    if (name is None) != (count == 0):
        raise _Fault("names an accelerator without a count, or a count without an accelerator")
    reported = _number(row, "accelerator_memory_gib")
    return MachineType(
        cloud=_name(row, "cloud").lower(),
        name=_name(row, "instance_type"),
        cpus=_positive(row, "vcpus"),
        memory_gib=_positive(row, "memory_gib"),
        accelerator=name,
        accelerator_count=count,
        accelerator_memory_gib=accelerator_memory_gib(name, reported) if name else None,
        local_disk_gb=_number(row, "local_disk_gb") or 0,
    )


def _name(row: Mapping[str, str | None], column: str) -> str:
    text = (row.get(column) or "").strip()
    if not _NAME.fullmatch(text):
        raise _Fault(f"{column} is {text!r}; allowed: a name without blanks, `=` and `,`")
    return text


def _positive(row: Mapping[str, str | None], column: str) -> float:
    number = _number(row, column)
    if not number:
        raise _Fault(f"{column} is {row.get(column)!r}; allowed: a number above 0")
    return number


def _number(row: Mapping[str, str | None], column: str) -> float | None:
    text = (row.get(column) or "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not (math.isfinite(number) and number >= 0):
        raise _Fault(f"{column} is {text!r}; allowed: a number, not negative")
    return number

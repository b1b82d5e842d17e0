"""Bounds that hold from certain times on."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from pydantic import field_validator, model_validator

from skyflow.autoscaling.schedule import is_cron
from skyflow.spec.faults import Fault, allowed, refused
from skyflow.spec.numbers import ReplicaCount
from skyflow.spec.section import Section

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, _MONTHS),
    (0, 7, _DAYS),
)
_FORMS = "five fields: minute, hour, day, month, weekday, such as `0 8 * * mon-fri`"
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d{1,2}))?", re.ASCII)


class ScheduledBounds(Section):
    """Bounds that hold from each time that `cron` names until another entry's."""

    cron: str
    """When they begin to hold: minute, hour, day, month, weekday."""
    timezone: str = "UTC"
    """Time zone of `cron`, such as Europe/Berlin."""
    min_replicas: ReplicaCount | None = None
    """Fewest replicas; those of the policy if left out."""
    max_replicas: ReplicaCount | None = None
    """Most replicas; those of the policy if left out."""

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, cron: str) -> str:
        fields = cron.split()
        is_readable = len(fields) == len(_FIELDS) and all(map(_is_field, fields, _FIELDS))
        # The last word has what will read it: it also knows that there is no 31st of February.
        if not is_readable or not is_cron(cron):
            raise allowed(_FORMS)
        return cron

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (OSError, ValueError, KeyError):
            raise allowed("the name of a time zone such as Europe/Berlin or UTC") from None
        return name

    @model_validator(mode="after")
    def _check_bounds(self) -> ScheduledBounds:
        least, most = self.min_replicas, self.max_replicas
        if least is None and most is None:
            message = "changes nothing; add `min_replicas`, `max_replicas` or both"
            raise refused([Fault(message)])
        if least is not None and most is not None and most < least:
            message = f"found {most}; allowed: at least min_replicas ({least})"
            raise refused([Fault(message, ("max_replicas",))])
        return self


def _is_field(text: str, kind: tuple[int, int, tuple[str, ...]]) -> bool:
    return all(_is_part(part, kind) for part in text.split(","))


def _is_part(text: str, kind: tuple[int, int, tuple[str, ...]]) -> bool:
    match = _PART.fullmatch(text)
    if match is None or (match[3] is not None and int(match[3]) == 0):
        return False
    if match[1] is None:
        return True
    first = _number(match[1], kind)
    last = _number(match[2], kind) if match[2] else first
    return first is not None and last is not None and first <= last


def _number(text: str, kind: tuple[int, int, tuple[str, ...]]) -> int | None:
    least, most, names = kind
    if text.lower() in names:
        return names.index(text.lower()) + (least if names is _MONTHS else 0)
    number = int(text) if text.isdecimal() and len(text) <= 2 else -1
    return number if least <= number <= most else None

"""Names of services."""

from __future__ import annotations

import re

from skyflow.errors import UsageError

MAX_NAME = 63
"""Longest name of a service: what a DNS label and a cloud's labels allow."""

NAME_FORMS = (
    "a letter, then letters, digits, `-`, `_` and `.`, a letter or a digit at the end, "
    f"at most {MAX_NAME} characters"
)

_SERVICE_NAME = re.compile(r"[a-zA-Z]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?")
_TASK_NAME = re.compile(r"[a-zA-Z0-9]+(?:[._-]{1,2}[a-zA-Z0-9]+)*")


def check_service_name(name: str) -> None:
    """Check the name of a service.

    Raises:
        UsageError: The name is not allowed.

    """
    if len(name) > MAX_NAME or not _SERVICE_NAME.fullmatch(name):
        raise UsageError(f"service name {name!r}: allowed: {NAME_FORMS}")


def is_task_name(name: str) -> bool:
    """Return whether a name may stand in a file: SkyPilot allows more there than for services."""
    return bool(_TASK_NAME.fullmatch(name) or _SERVICE_NAME.fullmatch(name))

"""The name of a service that is given none."""

from __future__ import annotations

import secrets

from skyflow.spec.names import check_service_name


def choose_service_name(asked: str | None) -> str:
    """Return the name that was asked for, or a new one of the form `sky-service-1a2b`.

    Raises:
        UsageError: The name cannot be that of a service.

    """
    if asked is None:
        return f"sky-service-{secrets.token_hex(2)}"
    check_service_name(asked)
    return asked

"""Tags of what skyflow makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MACHINE_TAG = "skyflow-machine"
"""Tag with the machine's name, on its instance and its volumes."""
INSTALLATION_TAG = "skyflow-installation"
"""Tag with the installation's id, on everything that skyflow makes."""

_OF_AWS = "aws:"
"""How tags begin that only AWS can set."""
_OURS = frozenset({INSTALLATION_TAG, MACHINE_TAG})
_LONGEST_KEY = 128
_LONGEST_VALUE = 256
"""In characters ("Tag restrictions", EC2 User Guide)."""


def label_problem(key: str, value: str) -> str | None:
    """Return why a label of a service cannot be a tag; None if it can."""
    if key.lower().startswith(_OF_AWS) or key in _OURS:
        return f"label {key!r} is a tag that AWS or skyflow itself sets"
    if not 0 < len(key) <= _LONGEST_KEY or len(value) > _LONGEST_VALUE:
        return (
            f"label {key[:_LONGEST_KEY]!r} cannot be a tag on AWS, whose keys have 1 to "
            f"{_LONGEST_KEY} characters and values at most {_LONGEST_VALUE}"
        )
    return None


def tag_specifications(
    name: str, installation: str, labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the tags of a machine's instance and volumes."""
    tags = {**labels, "Name": name, INSTALLATION_TAG: installation, MACHINE_TAG: name}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": kind, "Tags": listed} for kind in ("instance", "volume")]

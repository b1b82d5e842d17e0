"""The policy that docs/clouds/aws.md gives."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parents[3] / "docs" / "clouds" / "aws.md"


@cache
def documented_policy() -> dict[str, Any]:
    found = re.search(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found
    policy: dict[str, Any] = json.loads(found[1])
    return policy


@cache
def allowed_actions() -> frozenset[str]:
    statements = documented_policy()["Statement"]
    return frozenset(action for statement in statements for action in statement["Action"])

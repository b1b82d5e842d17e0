from __future__ import annotations

import json
import re
from pathlib import Path

from skyflow.clouds.fake.script import FakePlace, Script

DOCUMENT = Path(__file__).parents[2] / "docs" / "clouds" / "fake.md"


def test_documented_script_is_valid_and_shows_every_key() -> None:
    example = re.search(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert example
    script = Script.model_validate_json(example[1])
    assert set(json.loads(example[1])["places"][0]) == set(FakePlace.model_fields)
    assert script.machines == "local"

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.spec.conftest import Refuse

TABLE: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "bad_inputs.yaml").read_text()
)


def test_the_table_is_long_and_repeats_nothing() -> None:
    assert len({row["yaml"] for row in TABLE}) == len(TABLE) >= 100


@pytest.mark.parametrize("row", TABLE, ids=lambda row: " ".join(row["yaml"].split())[:80])
def test_a_bad_input_is_refused_with_these_words(refuse: Refuse, row: dict[str, Any]) -> None:
    assert refuse(row["yaml"]) == row["problems"]

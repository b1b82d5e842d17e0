"""What skyflow accepts the schema accepts; what the schema refuses skyflow refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.schema.conftest import document, is_loaded
from tests.schema.tables import BAD, GOOD

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("examples/**/*.yaml"), *ROOT.glob("tests/spec/files/**/*.yaml")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_real_file_is_accepted(path: Path, validator: Draft202012Validator) -> None:
    validator.validate(document(path.read_text()))


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_bad_document_is_refused_by_both(
    text: str, validator: Draft202012Validator, tmp_path: Path
) -> None:
    assert not validator.is_valid(document(text))
    assert not is_loaded(text, tmp_path)


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_good_document_is_accepted_by_both(
    text: str, validator: Draft202012Validator, tmp_path: Path
) -> None:
    validator.validate(document(text))
    assert is_loaded(text, tmp_path)

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from skyflow.errors import SpecError
from skyflow.spec import LoadOptions, load_task
from skyflow.spec.composer import compose
from skyflow.spec.document import plain
from skyflow.spec.schema import service_schema


@pytest.fixture(scope="session")
def validator() -> Draft202012Validator:
    return Draft202012Validator(service_schema())


def document(text: str) -> Any:
    """Return what an editor that reads YAML 1.1 checks against the schema."""
    root, _ = compose(text, "service.yaml")
    return plain(root)


def is_loaded(text: str, folder: Path) -> bool:
    """Return whether skyflow accepts a service YAML."""
    path = folder / "service.yaml"
    path.write_text(text)
    try:
        load_task(path, LoadOptions(environ={}))
    except SpecError:
        return False
    return True

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skyflow.errors import SpecError
from skyflow.spec import LoadOptions, Task, load_task

Load = Callable[..., Task]
Refuse = Callable[..., list[str]]

MINIMAL = "service: {}\nrun: serve\n"


def options(**given: Any) -> LoadOptions:
    """Options that do not read the environment of the tests."""
    return LoadOptions(**{"environ": {}, **given})


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a YAML; `service` and `run` are added if the text has neither."""

    def load_text(text: str | bytes = "", **given: Any) -> Task:
        path = tmp_path / "service.yaml"
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(content)
        return load_task(path, options(**given))

    return load_text


@pytest.fixture
def refuse(load: Load) -> Refuse:
    """Load a YAML that is not valid and return each problem as `LINE:COLUMN KEY: MESSAGE`."""

    def problems(text: str | bytes, **given: Any) -> list[str]:
        with pytest.raises(SpecError) as caught:
            load(text, **given)
        return [
            f"{each.line}:{each.column} {each.key}: {each.message}"
            for each in caught.value.problems
        ]

    return problems

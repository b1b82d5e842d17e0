from __future__ import annotations

from pathlib import Path

from skyflow.spec import Declaration
from tests.spec.conftest import Load
from tests.spec.strategies import keys

PAGE = (Path(__file__).parents[2] / "docs" / "service-yaml.md").read_text()


def test_every_key_is_documented() -> None:
    documented = PAGE.replace(".", "`").replace(", ", "`")
    assert [key for key in keys(Declaration) if f"`{key}`" not in documented] == []


def test_the_example_of_the_page_loads(load: Load) -> None:
    example = PAGE.split("```yaml\n")[1].split("```")[0]
    assert load(example).settings().replicas == 2

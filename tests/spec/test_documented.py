from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from skyflow.spec import Declaration
from skyflow.spec.marks import NOT_YET
from skyflow.spec.section import Section, section_of
from tests.spec.conftest import Load
from tests.spec.strategies import keys

PAGE = (Path(__file__).parents[2] / "docs" / "service-yaml.md").read_text()


def test_every_key_is_documented() -> None:
    documented = PAGE.replace(".", "`").replace(", ", "`")
    assert [key for key in keys(Declaration) if f"`{key}`" not in documented] == []


def test_the_example_of_the_page_loads(load: Load) -> None:
    example = PAGE.split("```yaml\n")[1].split("```")[0]
    assert load(example).settings().replicas == 2


def marks(section: type[Section]) -> Iterator[str]:
    """Yield every key that this version cannot carry out, and everything in it."""
    for key, field in section.model_fields.items():
        inner = section_of(field.annotation)
        if NOT_YET in field.metadata:
            yield key
        elif inner is not None:
            yield from marks(inner)


def test_keys_that_do_nothing_yet_are_documented_as_such() -> None:
    rows = [line for line in PAGE.splitlines() if "not yet" in line]
    described = "\n".join(rows).replace(".", "`")
    assert [key for key in marks(Declaration) if f"`{key}`" not in described] == []

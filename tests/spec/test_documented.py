from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from skyflow.spec.section import Section, section_of
from skyflow.spec.task import Declaration
from tests.spec.conftest import Load

PAGE = (Path(__file__).parents[2] / "docs" / "service-yaml.md").read_text()


def keys(section: type[Section]) -> Iterator[str]:
    for key, field in section.model_fields.items():
        yield key
        inner = section_of(field.annotation)
        if inner is not None and inner is not section:
            yield from keys(inner)


def test_every_key_is_documented() -> None:
    documented = PAGE.replace(".", "`").replace(", ", "`")
    assert [key for key in keys(Declaration) if f"`{key}`" not in documented] == []


def test_the_example_of_the_page_loads(load: Load) -> None:
    example = PAGE.split("```yaml\n")[1].split("```")[0]
    assert load(example).settings().replicas == 2

"""Parts of the SDK that need no controller."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skyflow.config import Settings
from skyflow.errors import StorageError, UsageError
from skyflow.installation import installation_id
from skyflow.placement.offers import ResourceRequest
from skyflow.sdk.addresses import endpoint_url
from skyflow.sdk.files import file_lines
from skyflow.sdk.names import choose_service_name
from skyflow.sdk.plan import describe_request
from skyflow.sdk.variables import parse_assignments, read_env_file
from skyflow.stack_state import StackState, write_state


def test_the_installation_s_id_is_made_once(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: installation_id(settings), range(32)))
    assert len(set(found)) == 1
    assert [path.name for path in settings.keys.iterdir()] == ["installation"]


def test_a_damaged_installation_id_is_refused(settings: Settings) -> None:
    settings.keys.mkdir(parents=True)
    (settings.keys / "installation").write_text("../../etc")
    with pytest.raises(StorageError, match="not an installation's id"):
        installation_id(settings)


@pytest.mark.parametrize("name", ["1a", "a-", "a b", "a/b", "x" * 64, ""])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        choose_service_name(name)


def test_variables_are_taken_from_arguments_and_from_the_environment() -> None:
    found = parse_assignments(["A=1", "B=x=y", "C", "D="], "--env", {"C": "3"})
    assert found == {"A": "1", "B": "x=y", "C": "3", "D": ""}


def test_a_variable_without_a_value_is_named() -> None:
    with pytest.raises(UsageError, match="--secret TOKEN"):
        parse_assignments(["TOKEN"], "--secret", {})


def test_an_env_file_is_read_as_people_write_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# all\nexport A=1\nB='two words' # yes\n\nC=a#b # no\nD=\"x y\"\nE=\n")
    assert read_env_file(path) == {"A": "1", "B": "two words", "C": "a#b", "D": "x y", "E": ""}


def test_an_env_file_that_is_not_there_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_env_file(tmp_path / "none")
    assert caught.value.message == f"{tmp_path / 'none'} cannot be read: No such file or directory"


def test_a_wrong_line_of_an_env_file_is_named_but_not_shown(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\nhunter2\n")
    with pytest.raises(UsageError) as refused:
        read_env_file(path)
    assert ":2: found no K=V" in str(refused.value)
    assert "hunter2" not in str(refused.value)


async def test_a_file_is_followed_through_both_ways_of_rotation(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("one\n")
    ended = asyncio.Event()
    lines = file_lines(path, tail=1, ended=ended)
    assert await anext(lines) == "one"
    with path.open("a") as file:
        file.write("the last before\n")
    path.rename(tmp_path / "a.log.1")
    path.write_text("two\nlonger than before\n")
    expected = ["the last before", "two", "longer than before"]
    assert [await anext(lines) for _ in expected] == expected
    path.write_text("three\nhal")
    assert await anext(lines) == "three"
    with path.open("a") as file:
        file.write("f\n")
    ended.set()
    assert [line async for line in lines] == ["half"]


@pytest.mark.parametrize(
    ("bind", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("10.0.0.7", "http://10.0.0.7:1"),
        ("::", "http://[::1]:1"),
    ],
)
def test_an_endpoint_s_url_can_be_opened(
    settings: Settings, stack: StackState, bind: str, expected: str
) -> None:
    write_state(settings, stack.model_copy(update={"bind": bind}))
    assert endpoint_url(settings, 1) == expected


def test_a_request_is_described_in_words() -> None:
    request = ResourceRequest(cloud="aws", accelerator="L4", accelerator_count=2, use_spot=True)
    assert describe_request(request) == "L4:2, spot on aws"
    assert describe_request(ResourceRequest()) == "a machine"

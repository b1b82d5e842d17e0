from __future__ import annotations

import sys
from pathlib import Path

import pytest

from skyflow.config import Settings
from skyflow.errors import StackError, StorageUnavailable, UsageError
from skyflow.stack import ensure_stack
from skyflow.stack_state import StackPhase, read_state, state_path
from skyflow.stack_status import stack_status
from tests.stack.conftest import Ensure


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def test_a_supervisor_that_fails_is_reported_with_its_last_words(settings: Settings) -> None:
    with pytest.raises(StackError, match="the disk is tired") as caught:
        await ensure_stack(settings, command=python("raise SystemExit('the disk is tired')"))
    assert "supervisor.log" in str(caught.value.remedy)


async def test_a_stack_that_does_not_answer_is_given_up(settings: Settings) -> None:
    with pytest.raises(StackError, match=r"did not answer within 0\.2 s"):
        await ensure_stack(settings, timeout=0.2, command=python("import time; time.sleep(2)"))


async def test_a_home_that_cannot_be_used_is_answered_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable, match="cannot be made or used") as caught:
        await ensure_stack(Settings(home=tmp_path / "file" / "home"))
    assert "SKYFLOW_HOME" in str(caught.value.remedy)


async def test_a_home_with_too_long_a_path_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="allowed: at most"):
        await ensure_stack(Settings(home=tmp_path / ("x" * 120)))


async def test_another_address_for_endpoints_is_not_taken_silently(small_stack: Ensure) -> None:
    await small_stack()
    with pytest.raises(StackError, match=r"on 127\.0\.0\.1, not 0\.0\.0\.0"):
        await small_stack(bind="0.0.0.0")


async def test_a_lost_stack_comes_back_on_the_address_it_had(
    small_stack: Ensure, settings: Settings
) -> None:
    from tests.stack.test_supervisor import kill, supervisor

    await kill(supervisor(await small_stack(bind="127.0.0.2")))
    assert stack_status(settings).phase is StackPhase.LOST
    assert (await small_stack()).bind == "127.0.0.2"


def test_a_state_that_cannot_be_read_is_none(settings: Settings) -> None:
    settings.stack.mkdir(parents=True)
    state_path(settings).write_text("{half")
    assert read_state(settings) is None
    assert stack_status(settings).phase is StackPhase.STOPPED

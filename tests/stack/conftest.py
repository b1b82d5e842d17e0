from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from skyflow.config import Settings
from skyflow.stack import ensure_stack, stop_stack
from skyflow.stack_state import StackState

ROOT = Path(__file__).parents[2]
SMALL_STACK = (sys.executable, "-m", "tests.stack.small_stack")

Ensure = Callable[..., Awaitable[StackState]]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-configuration"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    settings = Settings(home=tmp_path / "home")
    yield settings
    await stop_stack(settings, grace_seconds=0.5)


@pytest.fixture
def small_stack(settings: Settings) -> Ensure:
    """Start the stack of small processes, unless it runs."""
    return partial(ensure_stack, settings, timeout=30, command=SMALL_STACK)

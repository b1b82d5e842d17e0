from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.local.mode import NetworkMode, own_network_problem
from skyflow.config import Settings
from tests.clouds.access import Access

MODES: list[NetworkMode] = ["shared"] if own_network_problem() else ["own", "shared"]
"""The networks that machines can have on the computer that runs the tests."""

collect_ignore = [] if "own" in MODES else ["test_own_network.py", "test_outbound.py"]


@pytest.fixture(scope="session")
def access() -> Access:
    return Access()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", local_network="shared")


@pytest.fixture(params=MODES)
async def cloud(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[LocalCloud]:
    # Tests change nothing of the computer they run on.
    settings = Settings(home=tmp_path / "home", local_network=request.param, local_outbound="none")
    local = LocalCloud(settings)
    yield local
    await local.terminate([name for name, _ in await local.owned("")], "")

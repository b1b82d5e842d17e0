from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from skyflow.catalog import Catalog, load_catalog
from skyflow.config import Settings
from tests.catalog.price_servers import PriceServer, running_price_server


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SKYFLOW_HOME", str(tmp_path / "home"))
    return Settings.from_environment()


@pytest.fixture
def shipped(settings: Settings) -> Catalog:
    """Return what ships, since nothing else is there."""
    return load_catalog(settings)


@pytest.fixture
def price_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PriceServer]:
    """Run a server with prices, and let commands ask it instead of the clouds."""
    with running_price_server() as served:
        monkeypatch.setenv("SKYFLOW_AWS_PRICES_URL", served.url)
        monkeypatch.setenv("SKYFLOW_GCP_PRICES_URL", served.url)
        yield served

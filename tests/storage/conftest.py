"""A store and a keyring of their own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from skyflow.config import Settings
from skyflow.storage.keyring import Keyring
from skyflow.storage.store import Store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "skyflow")


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings)


@pytest.fixture
def keyring(settings: Settings) -> Keyring:
    return Keyring.load(settings)

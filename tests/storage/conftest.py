"""A store and a keyring of their own for each test."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from skyflow.config import Settings
from skyflow.storage.keyring import Keyring
from skyflow.storage.store import Store
from tests.moto import aws, s3

__all__ = ["aws", "s3"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "skyflow")


@pytest.fixture
def bucket_settings(settings: Settings, aws: str) -> Settings:
    """Give settings with a bucket of their own, which does not exist yet, for the store."""
    return replace(settings, bucket_url=f"s3://skyflow-{uuid.uuid4().hex[:12]}/some/where")


@pytest.fixture(
    params=["directory", pytest.param("bucket", marks=pytest.mark.xdist_group("moto-s3"))]
)
def store(request: pytest.FixtureRequest) -> Store:
    """Give a store of each kind."""
    name = "bucket_settings" if request.param == "bucket" else "settings"
    return Store(request.getfixturevalue(name))


@pytest.fixture
def local_store(settings: Settings) -> Store:
    return Store(settings)


@pytest.fixture
def keyring(settings: Settings) -> Keyring:
    return Keyring.load(settings)

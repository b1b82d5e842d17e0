from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest

from skyflow.clouds.aws import credentials
from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.config import Settings
from tests.clouds.aws.account import AccountView
from tests.clouds.aws.policy import allowed_actions
from tests.moto import moto_server

MODELS = botocore.loaders.create_loader()
"""Descriptions of services, which take a second to load, for all tests."""


@pytest.fixture(scope="package")
def ec2_url() -> Iterator[str]:
    with moto_server(program="tests.clouds.aws.moto_process") as url:
        yield url


@pytest.fixture
def environment(ec2_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing but moto, whatever the computer's own settings are."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": ec2_url,
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "SKYFLOW_AWS_SSH_FROM": "203.0.113.7/32",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def account(ec2_url: str, environment: None, actions: set[str]) -> AccountView:
    """Look past skyflow at what is really there: nothing at first."""
    view = AccountView(ec2_url)
    view.empty()
    return view


@pytest.fixture
def actions(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Actions that skyflow uses in a test, none of which the documented policy may lack."""
    used: set[str] = set()
    make = credentials.new_session

    def recording(settings: AwsSettings) -> Any:
        session = make(settings)
        session._session.register_component("data_loader", MODELS)
        session.events.register("before-call", lambda model, **_: used.add(action_of(model)))
        return session

    monkeypatch.setattr(credentials, "new_session", recording)
    yield used
    assert used <= allowed_actions()


@pytest.fixture
def aws(settings: Settings, account: AccountView) -> AwsCloud:
    return AwsCloud(settings)


def action_of(model: Any) -> str:
    return f"{model.service_model.service_name}:{model.name}"

"""Nothing that tests start uses an account of whoever runs them."""

from __future__ import annotations

import os

import pytest

for name in [name for name in os.environ if name.startswith(("AWS_", "SKYFLOW_AWS_"))]:
    del os.environ[name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.hookimpl(tryfirst=True)  # before the groups are looked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that use one server of moto in one process: it takes ten seconds to start."""
    for item in items:
        for server in {"s3", "ec2_url"}.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(f"moto-{server}"))

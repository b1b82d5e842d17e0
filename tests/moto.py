"""AWS as moto imitates it, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from skyflow.storage.aws import new_session, s3_client

REGION = "eu-west-1"
_ROOT = Path(__file__).parents[1]
_START_SECONDS = 60
_ADDRESS = re.compile(r"Running on (http://\S+:\d+)")


@contextmanager
def moto_server(
    host: str = "127.0.0.1", program: str = "moto.server", **variables: str
) -> Iterator[str]:
    """Run a server and give its URL.

    Args:
        host: Address that it listens on.
        program: Module whose `main` runs it, and prints the URL as moto's own does.
        variables: Environment variables that it gets beside all there are.
    """
    start = f"from {program} import main; main()"
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", start, "-H", host, "-p", "0"],
                cwd=_ROOT,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield _address(log, process)
        finally:
            process.kill()
            process.wait()


def aws_environment(url: str) -> dict[str, str]:
    """Return the variables with which AWS's tools use a server, whatever this computer has."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Give the URL of an S3 that all tests of a process share."""
    with moto_server() as url:
        yield url


@pytest.fixture
def aws(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let everything in this process talk to that S3, and give its URL."""
    for name, value in aws_environment(s3).items():
        monkeypatch.setenv(name, value)
    return s3


def new_bucket(region: str = REGION) -> str:
    """Make a bucket with a name of its own, and return that."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3_client(new_session(), region=region).create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": region}
    )
    return name


def put_objects(bucket: str, contents: Mapping[str, bytes]) -> None:
    """Put objects of these contents, by their keys, into a bucket."""
    client = s3_client(new_session())
    for key, content in contents.items():
        client.put_object(Bucket=bucket, Key=key, Body=content)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while not (found := _ADDRESS.search(log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, "moto does not start"
        time.sleep(0.05)
    return found[1]

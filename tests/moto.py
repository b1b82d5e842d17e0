"""AWS as moto imitates it, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REGION = "eu-west-1"
_START_SECONDS = 60
_ADDRESS = re.compile(r"Running on (http://\S+:\d+)")


@contextmanager
def moto_server(host: str = "127.0.0.1") -> Iterator[str]:
    """Run a server and give its URL."""
    program = "from moto.server import main; main()"
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", program, "-H", host, "-p", "0"],
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


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while not (found := _ADDRESS.search(log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, "moto does not start"
        time.sleep(0.05)
    return found[1]

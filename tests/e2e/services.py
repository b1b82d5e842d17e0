"""Services for tests, written as YAML with a workdir."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SERVER = Path(__file__).with_name("replica_server.py")
SERVE = f"exec python3 {SERVER.name}"


def write_service(
    folder: Path,
    run: str = SERVE,
    *,
    service: Mapping[str, Any] | None = None,
    **keys: Any,
) -> Path:
    """Write a service whose workdir holds the server of tests; return its YAML."""
    workdir = folder / "workdir"
    workdir.mkdir(parents=True, exist_ok=True)
    shutil.copy(SERVER, workdir)
    document = {
        "workdir": "workdir",
        "service": {"readiness_probe": "/ready", "replicas": 1, **(service or {})},
        "run": run,
        **keys,
    }
    path = folder / "service.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def until_exists(gate: Path) -> str:
    """Return a line of shell that says that it waits, and waits for a file."""
    return f"echo waiting; while [ ! -e {gate} ]; do sleep 0.05; done\n"

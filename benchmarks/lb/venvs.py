"""Packages of PyPI, each in an environment of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.lb.cache import cache_directory, made_once


def venv_of(requirement: str) -> Path:
    """Return the directory of programs of an environment with a package, such as `name==1.2`.

    Raises:
        Unavailable: It cannot be installed here.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache_directory() / "venvs" / f"{requirement}-python{version}"
    install = ["install", "--quiet", "--prefer-binary", "--disable-pip-version-check"]
    commands = [
        [sys.executable, "-m", "venv", "{}"],
        ["{}/bin/python", "-m", "pip", *install, requirement],
    ]
    return made_once(folder, commands) / "bin"

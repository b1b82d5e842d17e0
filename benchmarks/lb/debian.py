"""Programs of Debian packages, without installing them: nothing of the computer is changed."""

from __future__ import annotations

import getpass
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lb.cache import Unavailable, cache_directory, done, made_once

_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Program:
    """A program, and the variables it needs to find its libraries."""

    path: Path
    environment: dict[str, str]


def debian_program(name: str) -> Program:
    """Return the program of the package of the same name: the installed one, or a fetched one.

    Raises:
        Unavailable: It is not installed, and apt-get is not there or does not fetch it.
    """
    if found := shutil.which(name, path=f"{os.environ['PATH']}:{_SYSTEM_PATH}"):
        return Program(Path(found), {})
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Unavailable(f"{name} is not installed, and there is no apt-get to fetch it with")
    folder = made_once(cache_directory() / "debian" / name, _fetching(name))
    libraries = [str(path) for path in (folder / "root/usr/lib").glob("*-linux-*")]
    return Program(folder / "root/usr/sbin" / name, {"LD_LIBRARY_PATH": ":".join(libraries)})


def _fetching(name: str) -> list[list[str]]:
    """Return commands that fetch a package, with those it needs and this computer lacks."""
    places = {
        "Dir::State::lists": "{}/lists",
        "Dir::Cache": "{}",
        "Debug::NoLocking": "1",
        # Who fetches must be able to write here.
        "APT::Sandbox::User": getpass.getuser(),
    }
    options = [part for key, value in places.items() for part in ("-o", f"{key}={value}")]
    download = ["--yes", "--download-only", "--no-install-recommends"]
    return [
        ["mkdir", "-p", "{}/lists/partial", "{}/archives/partial", "{}/root"],
        ["apt-get", "update", *options],
        ["apt-get", "install", *options, *download, name],
        ["sh", "-c", 'for package in {}/archives/*.deb; do dpkg -x "$package" {}/root; done'],
    ]


def version_of(program: Program, option: str) -> str:
    """Return the line in which a program says its version.

    Raises:
        Unavailable: It does not run.
    """
    variables = [f"{name}={value}" for name, value in program.environment.items()]
    lines = done(["env", *variables, str(program.path), option], 10).splitlines()
    return lines[0].strip() if lines else "?"

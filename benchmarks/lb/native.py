"""The load generator and the replicas, which are written in C: compiled when first used."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lb.cache import Unavailable, cache_directory, made_once

SOURCES = Path(__file__).parent / "native"
_OPTIONS = ("-O2", "-Wall", "-Wextra", "-Werror")
_COMPILERS = ("gcc", "cc", "clang")


@dataclass(frozen=True)
class Native:
    """Paths of the compiled programs."""

    load: Path
    replicas: Path


def compiled() -> Native:
    """Compile both programs, unless that was done.

    Raises:
        Unavailable: There is no C compiler, or it does not compile them: they need Linux.
    """
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        raise Unavailable("no C compiler was found; install gcc")
    texts = b"".join(path.read_bytes() for path in sorted(SOURCES.iterdir()))
    folder = cache_directory() / "native" / hashlib.sha256(texts).hexdigest()[:16]
    commands = [
        [compiler, *_OPTIONS, "-o", f"{{}}/{name}", str(SOURCES / f"{name}.c")]
        for name in ("load", "replicas")
    ]
    made_once(folder, commands)
    return Native(folder / "load", folder / "replicas")

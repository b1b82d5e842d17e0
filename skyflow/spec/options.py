"""What a command line adds to a service YAML."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LoadOptions:
    """Values given beside the file. None of them appears in its `repr`: they may be secret."""

    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables; they win over `env_file`, and that over the file."""
    env_file: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables read from a file of `K=V` lines."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets; they win over the file."""
    name: str | None = None
    """Name of the service, instead of the one in the file."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    """Where values come from that the file leaves null: the process environment."""

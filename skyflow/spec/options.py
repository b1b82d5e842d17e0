"""What a command line adds to a service YAML."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ResourceOverrides:
    """Values of `resources`, `num_nodes` and `workdir` from the command line.

    Each replaces what the file says, in `resources` itself and in every entry of `any_of` and
    `ordered`. Texts have the forms that the file may have; `none` takes a key of `resources` out.
    """

    infra: str | None = None
    gpus: str | None = None
    """Replaces `accelerators`: `L4`, `L4:8`, or YAML such as `{L4:8, A10G:8}` and `[L4, A10G]`."""
    cpus: str | None = None
    memory: str | None = None
    disk_size: str | int | None = None
    disk_tier: str | None = None
    use_spot: bool | None = None
    image_id: str | None = None
    instance_type: str | None = None
    local_disk: str | None = None
    max_hourly_cost: float | None = None
    ports: tuple[str, ...] = ()
    """Ports and ranges; none given leaves those of the file."""
    num_nodes: int | None = None
    workdir: str | None = None
    """A relative path starts at the current directory."""


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
    overrides: ResourceOverrides = field(default_factory=ResourceOverrides)
    """Values that replace those of the file."""
    check_paths: bool = True
    """Whether local files and directories must exist."""

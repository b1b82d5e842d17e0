"""The options of commands that read a service YAML: its variables, and what wins over the file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from skyflow.spec import Task

Body = Callable[..., Any]


@dataclass(frozen=True)
class SpecArguments:
    """A service YAML and what the command line adds to it, as given."""

    yaml: Path
    service_name: str | None
    envs: tuple[str, ...]
    env_file: Path | None
    secrets: tuple[str, ...]
    overrides: Mapping[str, Any]
    """Values of `ResourceOverrides`, by field."""
    place: Mapping[str, str]
    """Cloud, region and zone as given one by one."""

    def load(self) -> Task:
        """Load the service YAML.

        Raises:
            UsageError: An option is of no allowed form.
            SpecError: The file is not valid with them.

        """
        # Slow to import, and `--help` needs none of it.
        from skyflow.sdk.variables import parse_assignments, read_env_file
        from skyflow.spec import LoadOptions, ResourceOverrides, load_task

        options = LoadOptions(
            env=parse_assignments(self.envs, "--env"),
            env_file=read_env_file(self.env_file) if self.env_file else {},
            secrets=parse_assignments(self.secrets, "--secret"),
            name=self.service_name,
            overrides=ResourceOverrides(**{**self.overrides, **self._infra()}),
        )
        return load_task(self.yaml, options)

    def _infra(self) -> dict[str, str]:
        from skyflow.errors import UsageError

        if not self.place:
            return {}
        if "infra" in self.overrides:
            given = ", ".join(f"--{part}" for part in self.place)
            raise UsageError(f"--infra is given beside {given}", "give --infra alone")
        parts = [self.place.get(part, "*") for part in _PLACE]
        return {"infra": "/".join(parts)}


_GIVEN: tuple[Callable[[Body], Body], ...] = (
    click.argument("yaml", metavar="YAML", type=click.Path(path_type=Path)),
    click.option(
        "-n",
        "--service-name",
        metavar="NAME",
        help="Name of the service; else the `name` in the YAML, else sky-service- and four digits.",
    ),
    click.option(
        "--env", "envs", multiple=True, metavar="K=V", help="Set an environment variable."
    ),
    click.option(
        "--env-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Set the variables of a file of K=V lines; --env wins over it.",
    ),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        metavar="K=V",
        help="Set a variable that is shown nowhere. K alone takes its value from the environment, "
        "which keeps it out of the process listing; so for --env.",
    ),
)
_NAMES = ("yaml", "service_name", "envs", "env_file", "secrets")


def _instead(*flags: str, **attributes: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return flags, attributes


_OVERRIDES = {
    "infra": _instead(
        "--infra", metavar="CLOUD[/REGION[/ZONE]]", help="Where machines may be; * for any."
    ),
    "gpus": _instead(
        "--gpus", metavar="GPUS", help="Accelerators, as in the YAML: L4, L4:8, {L4:8, A10G:8}."
    ),
    "cpus": _instead("--cpus", metavar="N[+]", help="Number of CPUs of a machine."),
    "memory": _instead("--memory", metavar="GIB[+]", help="Memory of a machine, such as 16GB+."),
    "disk_size": _instead("--disk-size", metavar="GIB", help="Size of the boot disk."),
    "disk_tier": _instead("--disk-tier", metavar="TIER", help="Speed of the boot disk."),
    "use_spot": _instead("--use-spot/--no-use-spot", default=None, help="Buy on the spot market."),
    "image_id": _instead("--image-id", metavar="IMAGE", help="Image of the machines."),
    "instance_type": _instead(
        "-t", "--instance-type", metavar="TYPE", help="The cloud's name of the machine type."
    ),
    "ports": _instead(
        "--ports", multiple=True, metavar="PORT", help="Port or range that the service listens on."
    ),
    "num_nodes": _instead(
        "--num-nodes", type=int, metavar="N", help="Number of machines of a replica."
    ),
    "workdir": _instead("--workdir", metavar="DIRECTORY", help="Directory to put on machines."),
}
"""Options that win over the file, by the field of `ResourceOverrides` that they are for."""

_PLACE = {
    part: _instead(f"--{part}", metavar=part.upper(), hidden=True)
    for part in ("cloud", "region", "zone")
}
"""Older forms of `--infra`."""


def spec_options(body: Body) -> Body:
    """Give a command the argument YAML and its options; it gets them as `spec`."""

    @functools.wraps(body)
    def with_spec(**given: Any) -> Any:
        arguments = {name: given.pop(name) for name in _NAMES}
        overrides, place = (_take(given, names) for names in (_OVERRIDES, _PLACE))
        spec = SpecArguments(**arguments, overrides=overrides, place=place)
        return body(spec=spec, **given)

    command: Body = with_spec
    for name, (flags, attributes) in reversed({**_OVERRIDES, **_PLACE}.items()):
        command = click.option(*flags, name, **attributes)(command)
    for add in reversed(_GIVEN):
        command = add(command)
    return command


def _take(given: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Take the values of these names out of what is given; what is not given has none."""
    values = {name: given.pop(name) for name in names}
    return {name: value for name, value in values.items() if value not in (None, ())}

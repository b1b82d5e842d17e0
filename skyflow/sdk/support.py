"""Refusing what a service YAML asks for and this version cannot carry out."""

from __future__ import annotations

from skyflow.config import Settings
from skyflow.errors import SpecError, UsageError
from skyflow.spec import Task


def check_supported(task: Task, source: str) -> None:
    """Refuse a task that this version could only carry out in part.

    Args:
        task: The task.
        source: What the error names as the place of the problems: the file.

    Raises:
        SpecError: It asks for something that cannot be carried out; all of it is named.

    """
    if unsupported := task.unsupported():
        raise SpecError(source, unsupported)


def check_named_clouds(task: Task, settings: Settings) -> None:
    """Refuse keys that the cloud which is named in `resources` can never carry out.

    Raises:
        UsageError: There are some; all are named.

    """
    from skyflow.clouds.registry import unsupported_keys

    found = unsupported_keys(settings, task.requests())
    if not found:
        return
    lines = [f"`{_path(key)}` cannot be carried out on {cloud}: {why}" for cloud, key, why in found]
    raise UsageError("\n".join(lines), "remove the key, or name a cloud that can carry it out")


def _path(key: str) -> str:
    from skyflow.clouds.base import MOUNTS

    return key if key == MOUNTS else f"resources.{key}"

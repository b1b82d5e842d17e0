"""Refusing what a service YAML asks for and this version cannot carry out."""

from __future__ import annotations

from skyflow.errors import SpecError
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

"""What `validate` says of a service YAML that is valid."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from cli.render.documents import problem
from cli.render.faults import append_problem
from cli.render.text import quantity
from skyflow.sdk.plan import describe_request
from skyflow.spec import Task

REQUESTS_SHOWN = 5
"""Most kinds of machines that the summary names."""


def validation(path: str, task: Task, source: str) -> Text:
    """Return that a file is valid, what it describes, and what to know about it.

    Args:
        path: Path of the file, as given.
        task: What it describes.
        source: Text of the file.

    """
    shown = Text(f"{path} is valid: {_summary(task)}.")
    lines = source.splitlines()
    if unsupported := task.unsupported():
        count = quantity(len(unsupported), "thing")
        shown.append("\n\nNot yet: ", style="bold yellow")
        shown.append(f"`skyflow serve up` refuses {count} that it asks for.")
        for each in unsupported:
            append_problem(shown, path, each, lines)
    if task.notices:
        shown.append("\n\nNote: ", style="bold")
        shown.append("what has no effect on a service is ignored.")
        for each in task.notices:
            append_problem(shown, path, each, lines)
    return shown


def document(source: str, task: Task) -> dict[str, Any]:
    """Return the same as a document with stable keys."""
    settings = task.settings()
    return {
        "valid": True,
        "source": source,
        "name": task.name,
        "replicas": settings.replicas,
        "nodes_per_replica": settings.num_nodes,
        "port": settings.port,
        "resources": [request.model_dump() for request in settings.resources],
        "unsupported": [problem(each) for each in task.unsupported()],
        "notices": [problem(each) for each in task.notices],
    }


def _summary(task: Task) -> str:
    settings = task.settings()
    replicas = quantity(settings.replicas, "replica")
    nodes = f" of {settings.num_nodes} machines each" if settings.num_nodes > 1 else ""
    asked = list(dict.fromkeys(describe_request(request) for request in settings.resources))
    more = len(asked) - REQUESTS_SHOWN
    kinds = " or ".join(asked[:REQUESTS_SHOWN]) + (f" or {more} more" if more > 0 else "")
    name = f"service {task.name!r}" if task.name else "a service"
    return f"{name} with {replicas}{nodes} on {kinds}, listening on port {settings.port}"

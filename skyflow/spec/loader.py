"""Load a service YAML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from skyflow.errors import Problem, SpecError, UsageError
from skyflow.spec.composer import compose
from skyflow.spec.declaration import Declaration
from skyflow.spec.document import KeyPath, Mapping, Scalar, Sequence, find, plain
from skyflow.spec.local_paths import LocalPaths
from skyflow.spec.names import check_service_name
from skyflow.spec.options import LoadOptions
from skyflow.spec.overrides import apply_overrides
from skyflow.spec.problems import ProblemWriter
from skyflow.spec.redaction import redacted_yaml
from skyflow.spec.source import read_source
from skyflow.spec.substitution import MAX_ADDED, added_length, fill_in
from skyflow.spec.support import ignored_keys, unsupported_keys
from skyflow.spec.task import Task
from skyflow.spec.variables import Variables, settle_variables

_API_KEYS: KeyPath = ("service", "auth", "api_keys")


def load_task(path: Path, options: LoadOptions | None = None) -> Task:
    """Load a service YAML and settle its variables.

    Args:
        path: The file. Relative paths in it start at its folder.
        options: What the command line adds.

    Raises:
        SpecError: The file or the options are not valid; it holds every problem found, in the
            order of the file.

    """
    options = options or LoadOptions()
    root, problems = compose(read_source(path), str(path))
    if not isinstance(root, Mapping):
        message = "found no keys; allowed: a service YAML with at least `service` and `run`"
        raise SpecError(str(path), [Problem(message)])
    root = apply_overrides(root, options.overrides)
    variables, faults = settle_variables(root, options)
    filled = _fill_in(root, variables, str(path))
    variables = replace(variables, api_keys=_api_keys(filled))
    paths = LocalPaths(path.absolute().parent, must_exist=options.check_paths)
    resolved = paths.resolve(filled)
    writer = ProblemWriter(resolved, variables)
    problems += _name_problems(options) + writer.from_faults([*faults, *paths.faults])
    try:
        declaration = Declaration.model_validate(_values(resolved, variables, options))
    except ValidationError as error:
        problems += writer.from_validation(error)
    if problems:
        raise SpecError(str(path), sorted(problems, key=_order))
    redacted = redacted_yaml(root, variables, declaration.name)
    task = Task.model_construct(**_fields(declaration), redacted=redacted)
    return _placed(task, paths, writer)


def _fill_in(root: Mapping, variables: Variables, source: str) -> Mapping:
    """Return the tree with variables filled in.

    Raises:
        SpecError: They would make it too big.

    """
    if added_length(root, variables.all) > MAX_ADDED:
        message = f"variables add more than {MAX_ADDED // 1024} KiB to it; allowed: less"
        raise SpecError(source, [Problem(message)])
    return fill_in(root, variables.all, variables.envs)


def _placed(task: Task, paths: LocalPaths, writer: ProblemWriter) -> Task:
    """Return the task with notices and unsupported keys that know their lines."""
    notices = [writer.at(*each) for each in (*paths.notices, *ignored_keys(task))]
    unsupported = [writer.at(*each) for each in unsupported_keys(task)]
    return task.with_places(
        notices=sorted(notices, key=_order), unsupported=sorted(unsupported, key=_order)
    )


def _api_keys(root: Mapping) -> tuple[str, ...]:
    found, node, _ = find(root, _API_KEYS)
    if found != _API_KEYS:
        return ()
    items = node.items if isinstance(node, Sequence) else (node,)
    scalars = [item for item in items if isinstance(item, Scalar)]
    return tuple(str(item.value) for item in scalars if item.value not in (None, ""))


def _values(root: Mapping, variables: Variables, options: LoadOptions) -> dict[str, Any]:
    values: dict[str, Any] = plain(root)
    values |= {"envs": dict(variables.envs), "secrets": dict(variables.secrets)}
    if options.name is not None and not _name_problems(options):
        values["name"] = options.name
    return values


def _name_problems(options: LoadOptions) -> list[Problem]:
    if options.name is None:
        return []
    try:
        check_service_name(options.name)
    except UsageError as error:
        return [Problem(error.message)]
    return []


def _fields(declaration: Declaration) -> dict[str, Any]:
    return {key: getattr(declaration, key) for key in Declaration.model_fields}


def _order(problem: Problem) -> tuple[float, int]:
    line = float("inf") if problem.line is None else problem.line
    return line, problem.column or 0

"""Load a service YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from skyflow.errors import Problem, SpecError, UsageError
from skyflow.spec.composer import compose
from skyflow.spec.document import Entry, Mapping, plain
from skyflow.spec.local_paths import resolve_local_paths
from skyflow.spec.names import check_service_name
from skyflow.spec.options import LoadOptions
from skyflow.spec.problems import ProblemWriter
from skyflow.spec.redaction import redacted_yaml
from skyflow.spec.source import read_source
from skyflow.spec.substitution import SECTIONS, substitute
from skyflow.spec.task import Declaration, Task
from skyflow.spec.variables import Variables, settle_variables


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
    variables, faults = settle_variables(root, options)
    filled = _fill_in(root, variables)
    resolved, missing_paths = resolve_local_paths(filled, path.absolute().parent)
    writer = ProblemWriter(resolved, variables)
    problems += _name_problems(options) + writer.from_faults([*faults, *missing_paths])
    try:
        declaration = Declaration.model_validate(_values(resolved, variables, options))
    except ValidationError as error:
        problems += writer.from_validation(error)
    if problems:
        raise SpecError(str(path), sorted(problems, key=_order))
    redacted = redacted_yaml(root, variables, declaration.name)
    return Task(**_fields(declaration), redacted=redacted)


def _fill_in(root: Mapping, variables: Variables) -> Mapping:
    entries = {
        key: Entry(entry.position, substitute(entry.value, variables.all, variables.envs))
        if key in SECTIONS
        else entry
        for key, entry in root.entries.items()
    }
    return Mapping(entries, root.position, root.size, root.depth)


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

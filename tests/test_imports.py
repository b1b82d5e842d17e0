"""The directions in which parts may import each other."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ALLOWED = {
    "skyflow": {"skyflow"},
    "workflows": {"workflows", "skyflow"},
    "activities": {"activities", "skyflow"},
    "lb": {"lb", "skyflow"},
    "worker": {"worker", "workflows", "activities", "skyflow"},
    "cli": {"cli", "skyflow"},
}
"""Which of our packages a package may import."""

PURE = (
    "skyflow",
    "skyflow.accelerators",
    "skyflow.contracts",
    "skyflow.errors",
    "skyflow.histograms",
    "skyflow.load",
    "skyflow.naming",
    "skyflow.records",
    "skyflow.orphans",
    "skyflow.state",
    "skyflow.autoscaling",
    "skyflow.placement",
    "skyflow.rollout",
    "skyflow.clouds.base",
)
"""What of skyflow workflows may use: values and decisions, no effects and no clocks."""

OUTSIDE_WORLD = {"asyncio", "http", "os", "random", "socket", "subprocess", "threading", "uuid"}
"""Modules of the standard library with no place in a pure decision. Workflows get a deterministic
`asyncio` and may use it."""


def imports(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports, also where it does so late."""
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            module = node.module or ""
            # `from package import module` and `from module import name` look the same.
            yield from (
                f"{module}.{alias.name}" if is_module(f"{module}.{alias.name}") else module
                for alias in node.names
            )


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def files(*packages: str) -> list[Path]:
    return [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]


def within(module: str, packages: tuple[str, ...]) -> bool:
    # The package `skyflow` itself holds constants only; what lies in it counts by its own name.
    return any(
        module == package or (package != "skyflow" and module.startswith(f"{package}."))
        for package in packages
    )


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in files(package)
        for module in imports(file)
        if (root := module.partition(".")[0]) in ALLOWED and root not in ALLOWED[package]
    ]
    assert wrong == []


def test_workflows_use_only_temporal_pydantic_and_pure_parts() -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in files("workflows")
        for module in imports(file)
        if not within(module, (*PURE, "workflows", "temporalio", "pydantic"))
        and module.partition(".")[0] not in sys.stdlib_module_names
    ]
    assert wrong == []


@pytest.mark.parametrize("package", [name for name in PURE if name != "skyflow"])
def test_pure_parts_import_only_pure_parts(package: str) -> None:
    path = ROOT / package.replace(".", "/")
    sources = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    wrong = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in sources
        if file.exists()
        for module in imports(file)
        if module.partition(".")[0] in {*OUTSIDE_WORLD, "temporalio"}
        or (module.startswith("skyflow.") and not within(module, PURE))
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["temporalio", "pydantic"])
def test_the_data_plane_never_imports_what_is_large(package: str) -> None:
    assert [str(file) for file in reachable("lb.data.process") if uses(file, package)] == []


def uses(file: Path, package: str) -> bool:
    return any(module.partition(".")[0] == package for module in imports(file))


def reachable(module: str) -> set[Path]:
    """Return the files of ours that importing a module loads, at once or later."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        for file in sources_of(name) - found:
            found.add(file)
            waiting += imports(file)
    return found


def sources_of(module: str) -> set[Path]:
    parts = module.split(".")
    path = ROOT.joinpath(*parts)
    packages = [ROOT.joinpath(*parts[:count]) / "__init__.py" for count in range(1, len(parts) + 1)]
    return {file for file in (path.with_suffix(".py"), *packages) if file.exists()}


def test_the_data_plane_is_more_than_one_file() -> None:
    assert len(reachable("lb.data.process")) > 10

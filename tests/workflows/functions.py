"""The functions of a package, found in its code, and what names in them stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from skyflow import contracts
from skyflow.contracts import Activity, Message, WorkflowName

HANDLERS = ("run", "signal", "update")
PATCHES = ("patched", "deprecate_patch")


@dataclass(frozen=True, eq=False)
class Function:
    """One function or method."""

    module: str
    owner: str
    """Name of its class; empty for a function."""
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def name(self) -> str:
        return ".".join(part for part in (self.module, self.owner, self.node.name) if part)

    @property
    def handles(self) -> str:
        """What the server calls it for; empty if it does not."""
        for decorator in self.node.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            kind = ast.unparse(call).removeprefix("workflow.")
            if kind in HANDLERS:
                given = decorator.keywords if isinstance(decorator, ast.Call) else []
                return " ".join([kind, *(_value(keyword.value) for keyword in given)])
        return ""


@dataclass
class Functions:
    """Every function of a package."""

    all: list[Function] = field(default_factory=list)
    _imported: dict[str, dict[str, str]] = field(default_factory=dict)
    """Module that each name of a module was imported from."""

    @staticmethod
    def of(folder: Path) -> Functions:
        found = Functions()
        for path in sorted(folder.glob("*.py")):
            tree = ast.parse(path.read_text())
            found._imported[path.stem] = dict(_imports(tree, folder.name))
            found.all += _defined(path.stem, tree)
        return found

    def named(self, user: Function, node: ast.expr, *, called: bool = False) -> list[Function]:
        """Return what a name in a function may stand for; nothing if it is no function of these.

        A method of something other than `self` is found by its name alone, if it is called or if
        that something is an attribute of `self`: else it might as well be a value.
        """
        if isinstance(node, ast.Name):
            place = (self._imported[user.module].get(node.id, user.module), "", node.id)
            return [f for f in self.all if (f.module, f.owner, f.node.name) == place]
        if not isinstance(node, ast.Attribute):
            return []
        methods = [f for f in self.all if f.owner and f.node.name == node.attr]
        if _is_self(node.value):
            return [f for f in methods if (f.module, f.owner) == (user.module, user.owner)]
        of_self = isinstance(node.value, ast.Attribute) and _is_self(node.value.value)
        return methods if called or of_self else []


def constants(call: ast.Call) -> list[str]:
    """Return the activities, messages, workflows and patches that a call names."""
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    patch = isinstance(call.func, ast.Attribute) and call.func.attr in PATCHES
    return [_value(each) for each in arguments if patch or _is_constant(each)]


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return isinstance(getattr(contracts, node.id, None), Activity)
    owner = node.value if isinstance(node, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id in (Message.__name__, WorkflowName.__name__)


def _value(node: ast.expr) -> str:
    """Return what a constant stands for."""
    if isinstance(node, ast.Name):
        return str(getattr(contracts, node.id).name)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and _is_constant(node):
        return str(getattr(getattr(contracts, node.value.id), node.attr))
    return ast.unparse(node)


def _imports(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
            for alias in node.names:
                yield alias.asname or alias.name, (node.module or "").removeprefix(f"{package}.")


def _defined(module: str, tree: ast.Module) -> Iterator[Function]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(module, "", node)
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield Function(module, node.name, member)

"""Lists what workflows tell the server: `python -m tests.workflows.commands`.

A history that was recorded with other commands, or with the same in another order, does not replay.
So `commands.txt` changes only on purpose; this program writes it anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.workflows.functions import Function, Functions, constants

WORKFLOWS = Path(__file__).parents[2] / "workflows"
COMMANDS = Path(__file__).with_name("commands.txt")
HEAD = """\
# What workflows tell the server, function by function, in the order of the code.
#
# Before you write this file anew (`python -m tests.workflows.commands`): running services replay
# their histories with the new code. A command that is new, gone or elsewhere must be under
# `workflow.patched("...")`, so that histories without the mark go the old way, unless it is certain
# that no history reaches it. The signal `checkpoint` makes a workflow continue as new; what it
# lived through before is not replayed any more.
#
# Not listed: conditions, and `workflow.now`, which asks for nothing.
"""
PRIMITIVES = {
    "start_activity": "activity",
    "execute_activity": "activity",
    "start_local_activity": "local activity",
    "start_child_workflow": "child workflow",
    "execute_child_workflow": "child workflow",
    "sleep": "timer",
    "upsert_memo": "memo",
    "upsert_search_attributes": "search attributes",
    "set_current_details": "current details",
    "continue_as_new": "continue as new",
    "patched": "patched",
    "deprecate_patch": "deprecate patch",
    "random": "random",
    "uuid4": "uuid",
}
TASKS = ("create_task", "gather", "wait", "wait_for", "timeout")
"""Functions of asyncio that decide what goes on at once, or wait with a timer."""


def main() -> None:
    COMMANDS.write_text(listing(WORKFLOWS))


def listing(folder: Path) -> str:
    """Return the list of the commands of the workflows in a folder."""
    functions = Functions.of(folder)
    outlines = {function: _Outline(function, functions) for function in functions.all}
    acting = _acting(outlines)
    parts = [HEAD]
    for function, outline in outlines.items():
        lines = list(outline.lines(acting))
        if lines or function.handles:
            title = f"{function.name} [{function.handles}]" if function.handles else function.name
            parts.append("\n".join([title, *lines]) + "\n")
    return "\n".join(parts)


def _acting(outlines: dict[Function, _Outline]) -> set[Function]:
    """Return the functions that give a command themselves or through others."""
    acting = {function for function, outline in outlines.items() if outline.primitive}
    while more := {
        function
        for function, outline in outlines.items()
        if function not in acting and not outline.used.isdisjoint(acting)
    }:
        acting |= more
    return acting


class _Outline(ast.NodeVisitor):
    """What one function does, in order."""

    def __init__(self, function: Function, functions: Functions) -> None:
        self._function = function
        self._functions = functions
        self._lines: list[tuple[int, str, frozenset[Function]]] = []
        """Depth and text of each line, and the functions of which one must act for it to count."""
        self._depth = 1
        self.primitive = False
        self.used: set[Function] = set()
        for statement in function.node.body:
            self.visit(statement)

    def lines(self, acting: set[Function]) -> Iterator[str]:
        """Return the lines that count, given the functions that give commands."""
        kept: list[str] = []
        inner = 0
        for depth, text, needed in reversed(self._lines):
            block = text.endswith(":")
            if (inner > depth) if block else (not needed or not needed.isdisjoint(acting)):
                kept.append("  " * depth + text)
                inner = depth
        return reversed(kept)

    def visit_Call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Name | ast.Attribute):
            self.visit(node.func)
        elif isinstance(node.func, ast.Attribute):
            self.visit(node.func.value)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            self.visit(argument)
        about = " ".join(constants(node))
        if primitive := _primitive(node):
            self._add(f"{primitive} {about}".strip())
            self.primitive = True
        elif targets := self._functions.named(self._function, node.func, called=True):
            self._use(targets, about)

    def visit_Name(self, node: ast.Name) -> None:
        self._use(self._functions.named(self._function, node))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._use(self._functions.named(self._function, node))
        self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._block("if:", node.body)
        self._block("else:", node.orelse)

    def visit_While(self, node: ast.While) -> None:
        self._block("while:", [node.test, *node.body])
        self._block("else:", node.orelse)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._block("for:", node.body)
        self._block("else:", node.orelse)

    def visit_Try(self, node: ast.Try) -> None:
        self._block("try:", node.body)
        for handler in node.handlers:
            self._block("except:", handler.body)
        self._block("else:", node.orelse)
        self._block("finally:", node.finalbody)

    def _block(self, title: str, nodes: Iterable[ast.AST]) -> None:
        self._add(title)
        self._depth += 1
        for node in nodes:
            self.visit(node)
        self._depth -= 1

    def _use(self, targets: Iterable[Function], about: str = "") -> None:
        targets = frozenset(targets)
        if targets:
            names = " or ".join(sorted(target.name for target in targets))
            self._add(f"{names} {about}".strip(), targets)
            self.used |= targets

    def _add(self, text: str, needed: frozenset[Function] = frozenset()) -> None:
        self._lines.append((self._depth, text, needed))


def _primitive(node: ast.Call) -> str | None:
    """Return what a call of Temporal's or asyncio's asks for, if it is one."""
    func = node.func
    if not isinstance(func, ast.Attribute):
        return None
    if isinstance(func.value, ast.Name) and func.value.id == "workflow":
        timed = any(keyword.arg == "timeout" for keyword in node.keywords)
        if func.attr == "wait_condition":
            return "timer until a condition" if timed else None
        return PRIMITIVES.get(func.attr)
    if isinstance(func.value, ast.Name) and func.value.id == "asyncio":
        return f"asyncio.{func.attr}" if func.attr in TASKS else None
    return {"signal": "signal", "cancel": "cancel"}.get(func.attr)


if __name__ == "__main__":
    main()

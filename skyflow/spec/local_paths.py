"""Find the files that a service YAML names on this computer."""

from __future__ import annotations

from pathlib import Path

from skyflow.spec.document import Entry, KeyPath, Mapping, Node, Scalar
from skyflow.spec.faults import Fault


def resolve_local_paths(root: Mapping, folder: Path) -> tuple[Mapping, list[Fault]]:
    """Return the tree with absolute paths in `workdir` and `file_mounts`.

    Relative paths start at the folder of the YAML. Paths that do not exist are faults; values
    that are no paths are left for the models to refuse.
    """
    faults: list[Fault] = []
    entries = dict(root.entries)
    if "workdir" in entries:
        entry = entries["workdir"]
        entries["workdir"] = _resolve(entry, ("workdir",), folder, faults, directory=True)
    mounts = entries.get("file_mounts")
    if mounts is not None and isinstance(mounts.value, Mapping):
        resolved = {
            target: _resolve(source, ("file_mounts", target), folder, faults, directory=False)
            for target, source in mounts.value.entries.items()
        }
        value = Mapping(resolved, mounts.value.position, mounts.value.size, mounts.value.depth)
        entries["file_mounts"] = Entry(mounts.position, value)
    return Mapping(entries, root.position, root.size, root.depth), faults


def _resolve(
    entry: Entry, path: KeyPath, folder: Path, faults: list[Fault], *, directory: bool
) -> Entry:
    node = entry.value
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or "://" in node.value:
        return entry
    try:
        found = folder / Path(node.value).expanduser()
        fault = _missing(found, directory)
    except (OSError, ValueError, RuntimeError):
        fault = "cannot be a path here"
    if fault:
        faults.append(Fault(f"found {node.shown!r}, which {fault}", path))
        return entry
    resolved: Node = Scalar(str(found.resolve()), node.position, node.shown)
    return Entry(entry.position, resolved)


def _missing(path: Path, directory: bool) -> str:
    if not path.exists():
        return "does not exist; relative paths start at the folder of the YAML"
    if directory and not path.is_dir():
        return "is not a directory"
    return ""

"""Find the files that a service YAML names on this computer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from skyflow.spec.document import Entry, KeyPath, Mapping, Scalar, Sequence
from skyflow.spec.faults import Fault
from skyflow.spec.sources import is_url


@dataclass
class LocalPaths:
    """Makes the local paths of one file absolute.

    Relative paths start at the folder of the YAML. One that exists only from the current
    directory on, where SkyPilot looks, is found there, with a notice.
    """

    folder: Path
    """Folder of the YAML."""
    must_exist: bool = True
    faults: list[Fault] = field(default_factory=list)
    """Paths that do not exist, or cannot."""
    notices: list[tuple[KeyPath, str]] = field(default_factory=list)
    """Paths that were found elsewhere."""

    def resolve(self, root: Mapping) -> Mapping:
        """Return the tree with absolute paths in `workdir`, `file_mounts` and `service.tls`.

        Values that are no paths are left for the models to refuse.
        """
        root = self._resolve_keys(root, ("workdir",), (), directory=True)
        root = self._resolve_section(root, ("file_mounts",), None)
        return self._resolve_section(root, ("service", "tls"), ("keyfile", "certfile"))

    def _resolve_section(
        self, node: Mapping, path: KeyPath, keys: tuple[str, ...] | None, at: int = 0
    ) -> Mapping:
        """Resolve keys of the section at a path, all of them if none is named."""
        if at == len(path):
            return self._resolve_keys(node, node.entries if keys is None else keys, path)
        entry = node.entries.get(str(path[at]))
        if entry is None or not isinstance(entry.value, Mapping):
            return node
        inner = self._resolve_section(entry.value, path, keys, at + 1)
        return replace(node, entries={**node.entries, str(path[at]): replace(entry, value=inner)})

    def _resolve_keys(
        self, node: Mapping, keys: Iterable[str], path: KeyPath, *, directory: bool = False
    ) -> Mapping:
        resolved = {
            key: self._resolve(node.entries[key], (*path, key), directory)
            for key in keys
            if key in node.entries
        }
        return replace(node, entries={**node.entries, **resolved})

    def _resolve(self, entry: Entry, path: KeyPath, directory: bool) -> Entry:
        node = entry.value
        if isinstance(node, Mapping) and path[0] == "file_mounts" and len(path) == 2:
            return replace(entry, value=self._resolve_keys(node, ("source",), path))
        if isinstance(node, Sequence) and path[2:] == ("source",):
            entries = (
                self._resolve(replace(entry, value=item), path, False) for item in node.items
            )
            return replace(entry, value=replace(node, items=tuple(e.value for e in entries)))
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return entry
        if not node.value.strip() or is_url(node.value):
            return entry
        must_exist = self.must_exist and "tls" not in path
        try:
            wanted = Path(node.value).expanduser()
            found = self._find(wanted, path)
            fault = _missing(wanted, found, directory) if must_exist else ""
        except (OSError, ValueError, RuntimeError):
            fault = "cannot be a path here"
        if fault:
            self.faults.append(Fault(f"found {node.shown!r}, which {fault}", path))
            return entry
        return replace(entry, value=replace(node, value=str(found.resolve())))

    def _find(self, path: Path, key: KeyPath) -> Path:
        found = self.folder / path
        if path.is_absolute() or found.exists() or not path.exists():
            return found
        self.notices.append(
            (key, f"was found in the current directory, not beside the YAML ({self.folder})")
        )
        return path.absolute()


def _missing(wanted: Path, found: Path, directory: bool) -> str:
    if not found.exists():
        hint = "; relative paths start at the folder of the YAML"
        return "does not exist" + ("" if wanted.is_absolute() else hint)
    if directory and not found.is_dir():
        return "is not a directory"
    return ""

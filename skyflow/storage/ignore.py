"""Which files of a directory are left out of its snapshot."""

from __future__ import annotations

from pathlib import Path

from pathspec import GitIgnoreSpec

IGNORE_FILES = (".skyflowignore", ".skyignore")
"""Files that say what to leave out, in git's syntax; the first there is, instead of git's own."""

_NEVER = frozenset({".git"})


class IgnoreRules:
    """Rules of one directory tree."""

    def __init__(self, root: Path, *, told: bool = True) -> None:
        """Read what the root says; without being told, leave out only what always is."""
        names = IGNORE_FILES if told else ()
        own = next((name for name in names if (root / name).is_file()), None)
        self._nested = told and own is None
        self._specs: list[tuple[str, GitIgnoreSpec]] = []
        if own:
            self._specs.append(("", _read(root / own)))

    def enter(self, directory: Path, relative: str) -> None:
        """Read what a directory says of its own content; parents must be entered first."""
        if self._nested and (directory / ".gitignore").is_file():
            prefix = f"{relative}/" if relative else ""
            self._specs.append((prefix, _read(directory / ".gitignore")))

    def leaves_out(self, relative: str, is_directory: bool) -> bool:
        """Return whether a path, relative to the root, is left out; the deepest rule decides."""
        if relative.rsplit("/", 1)[-1] in _NEVER:
            return True
        path = f"{relative}/" if is_directory else relative
        for prefix, spec in reversed(self._specs):
            if path.startswith(prefix):
                verdict = spec.check_file(path.removeprefix(prefix)).include
                if verdict is not None:
                    return verdict
        return False


def _read(path: Path) -> GitIgnoreSpec:
    return GitIgnoreSpec.from_lines(path.read_text(errors="surrogateescape").splitlines())

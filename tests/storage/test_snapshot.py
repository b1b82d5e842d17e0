from __future__ import annotations

import os
import shutil
import socket
import tarfile
from pathlib import Path

import pytest

from skyflow.errors import UsageError
from skyflow.storage.snapshot import Snapshot, snapshot


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "source"
    directory.mkdir()
    return directory


async def names(source: Path) -> list[str]:
    taken = await snapshot(source)
    with tarfile.open(taken.path) as archive:
        found = archive.getnames()
    taken.path.unlink()
    return found


async def digest(source: Path) -> str:
    taken = await snapshot(source)
    taken.path.unlink()
    return taken.digest


def entry(taken: Snapshot, name: str) -> tarfile.TarInfo:
    with tarfile.open(taken.path) as archive:
        return archive.getmember(name)


async def test_equal_directories_have_equal_digests_whatever_their_times(
    source: Path, tmp_path: Path
) -> None:
    for number in range(20):
        (source / f"{number}.py").write_text(str(number))
    shutil.copytree(source, tmp_path / "copy", copy_function=shutil.copyfile)
    os.utime(source / "3.py", (1, 1))
    (source / "4.py").chmod(0o664)
    assert await digest(source) == await digest(tmp_path / "copy")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: (path / "a").write_text("other"),
        lambda path: (path / "a").rename(path / "c"),
        lambda path: (path / "a").chmod(0o755),
        lambda path: (path / "a").chmod(0o600),
        lambda path: (path / "b").mkdir(),
        lambda path: (path / "b").symlink_to("a"),
    ],
)
async def test_every_change_of_content_changes_the_digest(source: Path, change: object) -> None:
    (source / "a").write_text("content")
    before = await digest(source)
    assert callable(change)
    change(source)
    assert await digest(source) != before


async def test_what_a_file_is_survives(source: Path) -> None:
    (source / "serve").write_text("#!/bin/bash\n")
    (source / "serve").chmod(0o775)
    (source / "link").symlink_to("/nowhere")
    os.utime(source / "serve", (1_700_000_000, 1_700_000_000))
    taken = await snapshot(source, source.parent)
    serve, link = entry(taken, "serve"), entry(taken, "link")
    assert (serve.mode, serve.uid, serve.gid, serve.mtime) == (0o755, 0, 0, 1_700_000_000)
    assert (link.issym(), link.linkname) == (True, "/nowhere")
    assert taken.size == taken.path.stat().st_size


async def test_git_and_what_git_ignores_are_left_out(source: Path) -> None:
    (source / ".gitignore").write_text("*.log\nbuild/\n!keep.log\n")
    (source / "package").mkdir()
    (source / "package" / ".gitignore").write_text("/local\n!nested.log\n")
    (source / "package" / "local").touch()
    (source / "package" / "nested.log").touch()
    for name in (".git", "build"):
        (source / name).mkdir()
        (source / name / "file").touch()
    for name in ("a.log", "keep.log", "local"):
        (source / name).touch()
    expected = [
        ".gitignore", "keep.log", "local", "package", "package/.gitignore", "package/nested.log"
    ]  # fmt: skip
    assert await names(source) == expected


async def test_an_ignore_file_of_ours_replaces_that_of_git(source: Path) -> None:
    (source / ".gitignore").write_text("weights\n")
    (source / ".skyignore").write_text("notes\n")
    for name in ("weights", "notes", "data"):
        (source / name).touch()
    assert "weights" in await names(source)
    assert "notes" not in await names(source)
    (source / ".skyflowignore").write_text("data\n")
    assert await names(source) == [".gitignore", ".skyflowignore", ".skyignore", "notes", "weights"]


async def test_a_file_alone_is_a_snapshot_too(source: Path) -> None:
    (source / "config").write_text("content")
    (source / "link").symlink_to("config")
    taken = await snapshot(source / "link", source.parent)
    assert taken.is_file
    assert entry(taken, "link").isreg()


async def test_odd_names_and_empty_directories_are_kept(source: Path) -> None:
    odd = ["a b", "new\nline", "ünïcode", "x" * 200]
    for name in odd:
        (source / name).touch()
    (source / "empty").mkdir()
    assert sorted(await names(source)) == sorted([*odd, "empty"])


async def test_what_does_not_exist_is_an_error(source: Path) -> None:
    with pytest.raises(UsageError, match="missing does not exist"):
        await snapshot(source / "missing")


async def test_a_socket_is_an_error_that_names_it(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The name of a socket must be short, so it is bound by one that is relative.
    monkeypatch.chdir(source)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(UsageError, match="s is neither a file") as caught:
            await snapshot(source)
    assert ".skyflowignore" in (caught.value.remedy or "")


async def test_a_source_that_is_neither_file_nor_directory_is_an_error(source: Path) -> None:
    os.mkfifo(source / "pipe")
    with pytest.raises(UsageError, match=r"cannot take a snapshot of .*pipe"):
        await snapshot(source / "pipe")


async def test_no_archive_is_left_after_an_error(source: Path) -> None:
    with pytest.raises(UsageError):
        await snapshot(source / "missing", source)
    assert await names(source) == []

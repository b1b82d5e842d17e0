from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from skyflow.errors import UsageError
from skyflow.spec import LoadOptions, load_task
from skyflow.storage.keyring import Keyring
from skyflow.storage.sources.git import check_out
from skyflow.storage.specs import prepare


class Repository:
    """A repository with two commits, the first of which has a tag and a branch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.first = self.commit("first")
        self.git("tag", "v1")
        self.git("branch", "old")
        self.last = self.commit("last")

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def commit(self, content: str) -> str:
        (self.path / "server.py").write_text(content)
        (self.path / ".gitignore").write_text("server.py\n")
        self.git("add", "--force", ".")
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", content)
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.mark.parametrize("ref", [None, "main", "v1", "old", "first", "last"])
async def test_a_branch_tag_or_commit_is_checked_out(
    repository: Repository, tmp_path: Path, ref: str | None
) -> None:
    commits = {"first": repository.first, "last": repository.last}
    wanted = repository.first if ref in ("v1", "old", "first") else repository.last
    place = tmp_path / "here"
    assert await check_out(repository.url, commits.get(ref or "", ref), place) == wanted
    assert (place / "server.py").read_text() == ("first" if wanted == repository.first else "last")


async def test_submodules_come_along(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Git trusts no local submodules unless told to.
    for name, value in (("COUNT", "1"), ("KEY_0", "protocol.file.allow"), ("VALUE_0", "always")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    other = Repository(tmp_path / "other")
    repository.git("submodule", "--quiet", "add", "../other", "library")
    repository.commit("with a library")
    await check_out(repository.url, None, tmp_path / "here")
    assert (tmp_path / "here" / "library" / "server.py").read_text() == "last"
    assert other.last


@pytest.mark.parametrize(("path", "ref"), [("repository", "no-such-branch"), ("nothing", None)])
async def test_what_is_not_there_is_refused_without_its_secrets(
    repository: Repository, tmp_path: Path, path: str, ref: str | None
) -> None:
    url = f"file://user:password@{tmp_path}/{path}"
    with pytest.raises(UsageError, match=f"cannot fetch file://{tmp_path}/{path}") as caught:
        await check_out(url, ref, tmp_path / "here")
    assert "password" not in caught.value.message
    assert "GIT_TOKEN" in (caught.value.remedy or "")


@pytest.mark.parametrize("ref", ["--upload-pack=touch /tmp/x", "-x"])
async def test_a_ref_is_never_an_option(repository: Repository, tmp_path: Path, ref: str) -> None:
    with pytest.raises(UsageError, match="cannot fetch"):
        await check_out(repository.url, ref, tmp_path / "here")


async def test_a_workdir_from_a_repository_is_a_snapshot_of_its_commit(
    repository: Repository, tmp_path: Path, keyring: Keyring
) -> None:
    yaml = tmp_path / "service.yaml"
    yaml.write_text(f"workdir: {{url: '{repository.url}', ref: old}}\nservice: {{}}\nrun: serve\n")
    task = load_task(yaml, LoadOptions())
    assert not task.unsupported()
    async with prepare(task, keyring) as before:
        ((target, taken),) = before.snapshots
        assert target == "~/sky_workdir"
        with tarfile.open(taken.path) as archive:
            # Tracked files count, whatever .gitignore says; the history stays behind.
            assert archive.getnames() == [".gitignore", "server.py"]
    async with prepare(task, keyring) as again:
        assert again.digest == before.digest
    repository.git("branch", "--force", "old", "main")
    async with prepare(task, keyring) as after:
        assert after.digest != before.digest

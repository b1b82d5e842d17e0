from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from skyflow.remote import scripts
from skyflow.remote.conda import INSTALL_CONDA, uses_conda

CURL = """\
#!/bin/bash
# Stands for a download: writes an installer that makes a conda.
while [ "$1" != -o ]; do shift; done
cat >"$2" <<'INSTALLER'
[ "$1 $2" = "-b -p" ] || exit 1
mkdir -p "$3/etc/profile.d" "$3/bin"
echo 'conda() { echo "conda $*"; }' >"$3/etc/profile.d/conda.sh"
echo installed >>"$3/marks"
INSTALLER
"""


@pytest.mark.parametrize(
    "script",
    [
        "conda create -n chat python=3.11 -y",
        "  conda activate chat",
        "pip list; conda activate chat",
        "cd x && conda env list",
        "if ! conda env list; then mamba create; fi",
        'eval "$(conda shell.bash hook)"',
        "CONDA_YES=1 conda create",
        "echo a\nconda activate chat\n",
    ],
)
def test_a_script_that_runs_conda_is_noticed(script: str) -> None:
    assert uses_conda("", script)


@pytest.mark.parametrize(
    "script",
    ["pip install conda-lock", "# conda create", "echo no conda here", "ls /opt/conda", "", None],
)
def test_a_script_that_does_not_run_conda_is_left_alone(script: str | None) -> None:
    assert not uses_conda(script)


def test_conda_is_set_up_for_a_run_that_uses_it() -> None:
    setup = scripts.setup_script("", "conda activate chat")
    assert setup is not None
    assert "https://github.com/conda-forge/miniforge/" in setup
    assert "conda.sh" in scripts.run_script("conda activate chat")
    assert scripts.setup_script("", "python server.py") is None


def test_miniforge_is_installed_once(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    curl = tmp_path / "bin" / "curl"
    curl.write_text(CURL)
    curl.chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    for _ in range(2):
        done = subprocess.run(
            ["bash", "-c", INSTALL_CONDA + "conda activate chat"],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.endswith("conda activate chat\n")
    assert (tmp_path / "miniforge3" / "marks").read_text() == "installed\n"


def test_a_failed_installation_fails_the_setup(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("curl", "wget"):
        (tmp_path / "bin" / name).write_text("#!/bin/bash\nexit 22\n")
        (tmp_path / "bin" / name).chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-c", INSTALL_CONDA + "echo went on"],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "went on" not in done.stdout


@pytest.mark.parametrize(
    "script",
    [
        scripts.LIBRARY,
        scripts.KEEPER,
        scripts.PREPARE,
        INSTALL_CONDA,
        scripts.start_script("run", "t"),
        scripts.wait_script("run", 5),
        scripts.stop_script(5),
        scripts.follow_log_script("run", 0),
    ],
)
def test_every_script_is_bash(script: str) -> None:
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, env=dict(os.environ))

"""Conda for scripts that use it."""

from __future__ import annotations

import re

# The official address of the installer (conda-forge/miniforge, README).
_INSTALLER = (
    "https://github.com/conda-forge/miniforge/releases/latest/download/"
    "Miniforge3-$(uname)-$(uname -m).sh"
)

_COMMAND = re.compile(
    r"""(?mx)
    (?: ^ | [;&|({`] | ! \s | \b(?:then|do|else|if|while|until|time|eval|exec|sudo) \s )
    \s* (?: \w+=\S* \s+ )*
    (?: conda | mamba ) (?= \s | $ | ;)
    """
)
"""`conda` or `mamba` where bash expects a command."""

ACTIVATE_CONDA = """\
for skyflow_conda in "$(conda info --base 2>/dev/null)" ~/miniforge3 ~/miniconda3 ~/anaconda3 \
/opt/conda; do
  if [ -r "$skyflow_conda/etc/profile.d/conda.sh" ]; then
    . "$skyflow_conda/etc/profile.d/conda.sh"
    break
  fi
done
unset skyflow_conda
"""
"""Make `conda` and `conda activate` work in a script, wherever it is installed."""

INSTALL_CONDA = (
    ACTIVATE_CONDA
    + f"""\
if ! command -v conda >/dev/null; then
  echo 'conda is used but missing: installing Miniforge in ~/miniforge3'
  skyflow_installer=$(mktemp)
  {{ curl -fsSL --retry 3 -o "$skyflow_installer" "{_INSTALLER}" \
|| wget -qO "$skyflow_installer" "{_INSTALLER}"; }} \
&& rm -rf ~/miniforge3 && bash "$skyflow_installer" -b -p ~/miniforge3 || {{
    echo 'Miniforge could not be installed' >&2
    exit 1
  }}
  rm -f "$skyflow_installer"
  unset skyflow_installer
fi
"""
    + ACTIVATE_CONDA
)
"""Install Miniforge if there is no conda; a half-finished installation is replaced."""


def uses_conda(*scripts: str | None) -> bool:
    """Return whether one of the scripts runs conda or mamba."""
    return any(_COMMAND.search(script) for script in scripts if script)

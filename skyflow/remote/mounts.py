"""Buckets of S3, mounted on a machine whose role lets it at them."""

from __future__ import annotations

import shlex

import asyncssh

from skyflow.remote.files import MAKE_DIRECTORY, shell_path
from skyflow.remote.ssh import run
from skyflow.storage.specs import StoredMount

VERSION = "1.23.0"
"""Release of Mountpoint for Amazon S3 that machines get which have none."""

_TRIES = 12
_PAUSE_SECONDS = 5
"""Between tries: for some seconds S3 may not know what the machine's role allows."""
_RELEASES = "https://s3.amazonaws.com/mountpoint-s3-release"

_INSTALL = f"""\
as_root() {{ if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }}
fail() {{ echo "$1" >&2; exit 1; }}
install_mounter() {{
  local architecture kind file
  case $(uname -m) in
    x86_64) architecture=x86_64 ;;
    aarch64) architecture=arm64 ;;
    *) echo "no package for $(uname -m)"; return 1 ;;
  esac
  if command -v apt-get >/dev/null; then kind=deb; else kind=rpm; fi
  file=$(mktemp -d)/mount-s3.$kind || return
  curl --fail --silent --show-error --location --retry 5 --output "$file" \\
    "{_RELEASES}/{VERSION}/$architecture/mount-s3-{VERSION}-$architecture.$kind" || return
  chmod a+rx "$(dirname "$file")"
  if [ $kind = rpm ]; then as_root yum install --assumeyes "$file"; return; fi
  # At its first start a machine may still be busy with packages of its own.
  set -- -o DPkg::Lock::Timeout=300 --assume-yes
  as_root apt-get "$@" install "$file" && return
  as_root apt-get "$@" update && as_root apt-get "$@" install "$file"
}}
if ! command -v mount-s3 >/dev/null; then
  said=$(DEBIAN_FRONTEND=noninteractive install_mounter 2>&1) ||
    fail "Mountpoint for Amazon S3 cannot be installed; add mount-s3 to the image: $said"
fi
"""

# As root, so that all users of the machine may be let in; files are the login user's.
_MOUNT = f"""\
tries=1
until mountpoint -q "$target"; do
  if ! said=$(as_root mount-s3 --allow-other --uid "$(id -u)" --gid "$(id -g)" "$@" 2>&1); then
    [ $tries -lt {_TRIES} ] || fail "cannot mount $source: $said"
    tries=$((tries + 1))
    sleep {_PAUSE_SECONDS}
  fi
done
"""


async def mount_bucket(connection: asyncssh.SSHClientConnection, mount: StoredMount) -> None:
    """Mount a bucket at its target, unless it is mounted there already.

    Raises:
        CommandFailed: It could not be mounted, for a minute.
        ConnectionFailed: The connection was lost.

    """
    await run(connection, mount_script(mount))


def mount_script(mount: StoredMount) -> str:
    """Return the script that mounts a bucket with Mountpoint, which is installed if it is not."""
    bucket = mount.bucket
    source = shlex.quote(f"s3://{bucket.bucket}/{bucket.prefix}")
    lines = f"target={shell_path(mount.target)}\nsource={source}\n"
    lines += 'mountpoint -q "$target" && exit 0\n'
    lines += 'make_directory "$target" || fail "$target cannot be made"\n'
    arguments = f'{shlex.join(_options(mount))} {shlex.quote(bucket.bucket)} "$target"'
    return f"{MAKE_DIRECTORY}{_INSTALL}{lines}set -- {arguments}\n{_MOUNT}"


def _options(mount: StoredMount) -> list[str]:
    options = ["--region", mount.region]
    if mount.bucket.prefix:
        options += ["--prefix", mount.bucket.prefix]
    writing = ["--allow-delete", "--allow-overwrite"]
    return [*options, *(["--read-only"] if mount.bucket.read_only else writing)]

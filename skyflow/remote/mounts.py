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
  local architecture kind directory file
  case $(uname -m) in
    x86_64) architecture=x86_64 ;;
    aarch64) architecture=arm64 ;;
    *) echo "no package for $(uname -m)"; return 1 ;;
  esac
  if command -v apt-get >/dev/null; then kind=deb; else kind=rpm; fi
  directory=$(mktemp -d) && file=$directory/mount-s3.$kind || return
  trap 'rm -rf "$directory"' EXIT
  curl --fail --silent --show-error --location --retry 5 --output "$file" \\
    "{_RELEASES}/{VERSION}/$architecture/mount-s3-{VERSION}-$architecture.$kind" || return
  chmod a+rx "$directory"
  if [ $kind = rpm ]; then as_root yum install --assumeyes "$file"; return; fi
  # At its first start a machine may still be busy with packages of its own.
  set -- env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 --assume-yes
  as_root "$@" install "$file" && return
  as_root "$@" update && as_root "$@" install "$file"
}}
if ! command -v mount-s3 >/dev/null; then
  said=$(install_mounter 2>&1) ||
    fail "Mountpoint for Amazon S3 cannot be installed; add mount-s3 to the image: $said"
fi
"""

# As root, so that all users of the machine may be let in; files are the login user's. What the
# mounter says goes into a file: it stays in the background, and would hold a pipe open.
_MOUNT = f"""\
tries=0
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
set -- --allow-other --uid "$(id -u)" --gid "$(id -g)" "$@"
until mountpoint -q "$target"; do
  [ $tries -lt {_TRIES} ] || fail "cannot mount $source: $(cat "$said")"
  [ $tries = 0 ] || sleep {_PAUSE_SECONDS}
  tries=$((tries + 1))
  as_root mount-s3 "$@" </dev/null >"$said" 2>&1
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

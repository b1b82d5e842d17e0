"""Which keys of a valid service YAML this version carries out.

A key with the mark `NOT_YET` is refused by `skyflow serve up`; whoever makes it work removes the
mark. The rules here are for keys of which only some values work. What one cloud cannot carry out
and others can, it says itself: `Cloud.unsupported`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from skyflow.spec.alternative import Alternative
from skyflow.spec.declaration import Declaration
from skyflow.spec.document import KeyPath, path_text
from skyflow.spec.marks import Mark, marked
from skyflow.spec.sources import READ_ONLY, StorageMount, is_url

_CONTAINER = "docker:"
"""Beginning of an image that is a container and not an image of a machine."""
_SCHEMES = ("s3", "gs", "https", "http")
"""Schemes of URLs whose files can be put on a machine."""
_COPY = "add `mode: COPY`, which puts the files on each machine"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""Names of general purpose buckets ("Bucket naming rules", Amazon S3 User Guide)."""


def unsupported_keys(task: Declaration) -> Iterator[tuple[KeyPath, str]]:
    """Yield each key that this version cannot carry out, and what to say of it."""
    for path in marked(task, Mark.NOT_YET):
        yield path, _message()
    yield from _unsupported_resources(task)
    yield from _unsupported_files(task)


def ignored_keys(task: Declaration) -> Iterator[tuple[KeyPath, str]]:
    """Yield each key that has no effect on a service, and what to say of it."""
    for path in marked(task, Mark.NO_EFFECT):
        yield path, f"`{path_text(path)}` {Mark.NO_EFFECT.value} and is ignored"


def _unsupported_resources(task: Declaration) -> Iterator[tuple[KeyPath, str]]:
    yield from _containers(task.resources, ("resources",))
    for key in ("any_of", "ordered"):
        for at, entry in enumerate(getattr(task.resources, key) or ()):
            yield from _containers(entry, ("resources", key, at))


def _containers(entry: Alternative, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    image = entry.image_id or ""
    images = (image,) if isinstance(image, str) else tuple(image.values())
    if any(each.startswith(_CONTAINER) for each in images):
        why = "a container for `setup` and `run`; start it in `run` with `docker run`"
        yield (*path, "image_id"), _message(why)


def _unsupported_files(task: Declaration) -> Iterator[tuple[KeyPath, str]]:
    for target, source in task.file_mounts.items():
        if isinstance(source, StorageMount) and (why := _unsupported_mount(source)):
            yield ("file_mounts", target), _message(why)


def _unsupported_mount(mount: StorageMount) -> str:
    """Return what of a bucket cannot be carried out, and the remedy; nothing if all can be."""
    if mount.mode == "mount_cached":
        return f"mounting with a cache; {_COPY}, or for s3:// `mode: MOUNT`"
    if mount.type not in (None, "bucket"):
        return f"the type {mount.type!r}; allowed: bucket"
    if mount.source is None and mount.url is None:
        return "a bucket of this kind; say `store: s3`, or name it as `source: s3://BUCKET`"
    if isinstance(mount.source, tuple) and any(map(is_url, mount.source)):
        return "several sources with URLs among them; give each URL a path of its own"
    if mount.url is not None and urlsplit(mount.url).scheme.lower() not in _SCHEMES:
        allowed = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        return f"URLs that begin like this one; allowed: {allowed}"
    return "" if mount.mode == "copy" else _unmountable(mount)


def _unmountable(mount: StorageMount) -> str:
    """Return what of a bucket cannot be mounted, and the remedy; nothing if it can be."""
    if mount.url is None:
        return f"mounting a bucket that local files fill; {_COPY}"
    bucket = mount.bucket_prefix()
    if bucket is None:
        return f"mounting other buckets than those of s3://; {_COPY}"
    if not _BUCKET.fullmatch(bucket.bucket):
        return f"mounting {bucket.bucket!r}, which cannot be the name of a bucket; correct it"
    if mount.mount_options not in (None, READ_ONLY):
        return f"these mount_options; allowed: {READ_ONLY}"
    if mount.config is not None:
        return "`config` of a mount; remove it"
    return ""


def _message(why: str = "remove it") -> str:
    return f"{Mark.NOT_YET.value}: {why}"

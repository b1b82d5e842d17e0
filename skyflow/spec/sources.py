"""Where files come from that are put on a machine: this computer, a bucket, a repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, JsonValue, PlainSerializer, PlainValidator, field_validator

from skyflow.placement.offers import BucketPrefix
from skyflow.spec.details import validated
from skyflow.spec.faults import allowed, wrong
from skyflow.spec.section import Section

LocalPath: TypeAlias = Annotated[Path, Field(strict=False)]
"""Absolute path on the computer where the file was loaded."""

_STORE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_SCHEMES = {"s3": "s3", "gcs": "gs"}
"""Schemes of URLs, by kind of bucket."""
READ_ONLY = "ro"
"""Option of a mount that nothing is written to; the usual one of `mount`."""
_MOUNT_FORMS = "a local path, a URL such as s3://BUCKET, or a mapping with `name` or `source`"


class GitSource(Section):
    """A Git repository whose content is put on each machine."""

    url: str
    """URL of the repository."""
    ref: str | None = None
    """Branch, tag or commit; the repository's default branch if left out."""

    @field_validator("url", "ref")
    @classmethod
    def _check_text(cls, text: str | None) -> str | None:
        if text is not None and (not text.strip() or any(map(str.isspace, text))):
            raise allowed("text without blanks")
        return text


class StorageMount(Section):
    """A bucket that is put on each machine."""

    name: str | None = None
    """Name of the bucket."""
    source: str | tuple[str, ...] | None = None
    """URL of a bucket, or local paths that fill a bucket."""
    store: str | None = None
    """Kind of bucket, such as `s3` or `gcs`."""
    mode: Literal["mount", "copy", "mount_cached"] = "mount"
    """Whether the bucket is mounted, copied, or mounted with a cache."""
    persistent: bool = True
    """Whether the bucket is kept after the service."""
    type: str | None = None
    """`bucket` or `volume`."""
    mount_options: str | None = None
    """Options of the mount: `ro`, or nothing."""
    config: JsonValue = None
    """Further settings of the mount."""

    @property
    def url(self) -> str | None:
        """URL of the bucket or file; None if local paths fill it, or its kind is not said."""
        if self.source is None:
            scheme = _SCHEMES.get(self.store or "")
            return f"{scheme}://{self.name}" if scheme else None
        return self.source if isinstance(self.source, str) and is_url(self.source) else None

    def bucket_prefix(self) -> BucketPrefix | None:
        """Return which part of which bucket of S3 this is; None if it is none of S3."""
        scheme, _, rest = (self.url or "").partition("://")
        if scheme.lower() != "s3":
            return None
        bucket, _, key = rest.partition("/")
        prefix = f"{key.strip('/')}/" if key.strip("/") else ""
        read_only = self.mount_options == READ_ONLY
        return BucketPrefix(bucket=bucket, prefix=prefix, read_only=read_only)

    def local_files(self, target: str) -> dict[str, Path]:
        """Return the local paths that fill the bucket, by where they get if it is put at a path.

        A directory fills it with its content; of several paths, and files, each keeps its name.
        """
        sources = (self.source,) if isinstance(self.source, str) else self.source or ()
        paths = [Path(each) for each in sources if not is_url(each)]
        if len(paths) == 1 and not paths[0].is_file():
            return {target: paths[0]}
        return {f"{target.rstrip('/')}/{path.name}": path for path in paths}

    @field_validator("mode", mode="before")
    @classmethod
    def _read_mode(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("source", mode="before")
    @classmethod
    def _read_source(cls, value: Any) -> Any:
        sources = list(value) if isinstance(value, list | tuple) else [value]
        if not sources or not all(isinstance(each, str) and each.strip() for each in sources):
            raise allowed("a URL, a local path, or a list of them")
        return value if isinstance(value, str) else tuple(value)

    @field_validator("store", "type")
    @classmethod
    def _check_kind(cls, text: str | None) -> str | None:
        if text is not None and not _STORE.fullmatch(text):
            raise allowed("a word such as s3 or gcs")
        return text.lower() if text is not None else None


def read_mount(value: Any) -> Any:
    """Return any form of an entry of `file_mounts`; a URL stands for a bucket to copy."""
    if isinstance(value, StorageMount | Path):
        return value
    if isinstance(value, dict):
        mount = validated(StorageMount, value)
        if mount.name is None and mount.source is None:
            raise wrong("names no bucket; add `name`, `source` or both")
        return mount
    if not isinstance(value, str) or not value.strip():
        raise allowed(_MOUNT_FORMS)
    return StorageMount(source=value, mode="copy") if is_url(value) else Path(value)


def read_workdir(value: Any) -> Any:
    """Return either form of `workdir`."""
    if isinstance(value, GitSource | Path):
        return value
    if isinstance(value, dict):
        return validated(GitSource, value)
    if not isinstance(value, str) or not value.strip():
        raise allowed("the path of a directory, or a mapping with `url` and `ref`")
    if is_url(value):
        raise wrong("is a URL; allowed: a directory, or {url: URL} for a Git repository")
    return Path(value)


def is_url(text: str) -> bool:
    """Return whether a text is a URL and not a local path."""
    return _URL.fullmatch(text) is not None


def _write(value: Path | Section) -> Any:
    return str(value) if isinstance(value, Path) else value.model_dump(mode="json")


Mount: TypeAlias = Annotated[
    LocalPath | StorageMount,
    PlainValidator(read_mount, json_schema_input_type=str | StorageMount),
    PlainSerializer(_write),
]
"""What is put at a path on each machine."""
Workdir: TypeAlias = Annotated[
    LocalPath | GitSource,
    PlainValidator(read_workdir, json_schema_input_type=str | GitSource),
    PlainSerializer(_write),
]
"""A directory, or a Git repository."""

"""The base of every record that crosses a process boundary."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """An immutable value.

    Unknown keys are ignored, and new keys must be optional with a constant default, so that
    histories and memos written by another version can be read. Defaults are never computed from a
    clock or at random: a replayed workflow would see another value.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

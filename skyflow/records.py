"""The bases of everything that crosses a process boundary."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """An immutable value.

    Unknown keys are ignored, and new keys must be optional with a constant default, so that
    histories and memos written by another version can be read. Defaults are never computed from a
    clock or at random: a replayed workflow would see another value.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class State(BaseModel):
    """What one workflow keeps and carries over when it continues as new.

    Mutable, and touched by its workflow only; the same rules for keys and defaults hold.
    """

    model_config = ConfigDict(extra="ignore")

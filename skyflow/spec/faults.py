"""What is wrong with a value, before it is known where the value stands in the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

from skyflow.spec.document import KeyPath

FAULT = "fault"
"""Type of the pydantic errors that carry faults."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the value at a key path, or with its key."""

    message: str
    path: KeyPath = ()
    shows_found: bool = False
    """Whether the message is only what is allowed, to be put after what was found."""
    of_key: bool = False
    """Whether the key itself is wrong, and not its value."""
    choices: tuple[str, ...] = ()
    """Values that could have been meant."""


def allowed(what: str, path: KeyPath = ()) -> PydanticCustomError:
    """Return the error of a value that is not what is allowed there."""
    return refused([Fault(what, path, shows_found=True)])


def wrong(message: str, path: KeyPath = ()) -> PydanticCustomError:
    """Return the error of a value that is wrong for a reason of its own."""
    return refused([Fault(message, path)])


def refused(faults: Iterable[Fault]) -> PydanticCustomError:
    """Return one error that carries several faults, for a validator to raise."""
    carried: dict[str, Any] = {"faults": tuple(faults)}
    return PydanticCustomError(FAULT, "not allowed", carried)


def suggestion(word: str, choices: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` if one of the choices looks like a word, otherwise nothing."""
    by_form = {_form(choice): choice for choice in choices}
    close = difflib.get_close_matches(_form(word), by_form, n=1, cutoff=0.65)
    return f"; did you mean '{by_form[close[0]]}'?" if close else ""


def _form(word: str) -> str:
    return word.lower().replace("-", "_")

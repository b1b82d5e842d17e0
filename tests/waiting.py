"""Waiting on a condition with a bound, never on the clock alone."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

Value = TypeVar("Value")


@overload
async def eventually(
    condition: Callable[[], Awaitable[Value]], seconds: float = 30, what: str = ""
) -> Value: ...
@overload
async def eventually(
    condition: Callable[[], Value], seconds: float = 30, what: str = ""
) -> Value: ...
async def eventually(condition: Callable[[], Any], seconds: float = 30, what: str = "") -> Any:
    """Return the first true value of a condition; fail after a number of seconds."""
    deadline = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}; last: {value!r}")
        # A question that takes long is asked less often: others need the computer too.
        await asyncio.sleep(max(0.02, time.monotonic() - asked))

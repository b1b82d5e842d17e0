"""Waiting on a condition with a bound, never on the clock alone."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")


async def eventually(
    condition: Callable[[], Value | Awaitable[Value]], seconds: float = 30, what: str = ""
) -> Value:
    """Return the first true value of a condition; fail after a number of seconds."""
    deadline = time.monotonic() + seconds
    while True:
        outcome = condition()
        value: Value = await outcome if inspect.isawaitable(outcome) else outcome
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}; last: {value!r}")
        await asyncio.sleep(0.02)

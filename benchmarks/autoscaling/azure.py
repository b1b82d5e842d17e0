"""The Azure LLM inference trace of 2023: arrivals and token counts of conversations.

Public: https://github.com/Azure/AzurePublicDataset (AzureLLMInferenceTrace_conv.csv), one hour.
"""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.autoscaling.requests import request
from benchmarks.autoscaling.traces import Trace

FILE = "AzureLLMInferenceTrace_conv.csv"
_SPREAD_SECONDS = 5.0
# The file has a tenth of a microsecond, which datetime does not read.
_TIME_LETTERS = len("2023-11-16 18:15:46.680590")


def azure(folder: Path, factor: int, seed: int) -> Trace:
    """Return the trace.

    Args:
        folder: Where the file is.
        factor: How many times each request comes: the copies up to five seconds later, so that
            the rate grows and its course stays.
        seed: Of those times.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: It has another format.

    """
    chance = random.Random(f"azure {seed}")
    with (folder / FILE).open(newline="") as file:
        rows = [_row(row) for row in csv.DictReader(file)]
    if not rows:
        raise ValueError(f"{folder / FILE} has no requests")
    first = min(at for at, _, _ in rows)
    requests = [
        request(at - first + (chance.uniform(0, _SPREAD_SECONDS) if copy else 0), prompt, generated)
        for at, prompt, generated in rows
        for copy in range(factor)
    ]
    requests.sort(key=lambda each: each.at)
    about = "an hour of a real service" + (f", {factor} times" if factor > 1 else "")
    return Trace("azure", about, requests, requests[-1].at + 1)


def _row(row: dict[str, str]) -> tuple[float, int, int]:
    try:
        at = datetime.fromisoformat(row["TIMESTAMP"][:_TIME_LETTERS]).replace(tzinfo=UTC)
        return at.timestamp(), int(row["ContextTokens"]), int(row["GeneratedTokens"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{FILE} has no column {error}") from None

"""Client tokens of RunInstances, which moto takes and does not look at.

A token stands for one request of one region: asked again, the answer is the same instances in the
state that they have by then. A token that comes with other parameters is refused. A request that
was refused has not used up its token. See "Ensuring idempotency" in the EC2 API reference.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from tests.clouds.aws_bench.calls import Call


class Mismatch(Exception):
    """The token was used with other parameters."""


@dataclass
class Tokens:
    """The tokens that were used."""

    _answers: dict[tuple[str, str], tuple[dict[str, str], bytes]] = field(default_factory=dict)
    _locks: dict[tuple[str, str], asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    def lock(self, call: Call) -> asyncio.Lock:
        """Return what lets calls with the same token come one after another."""
        return self._locks[_key(call)]

    def answer(self, call: Call) -> bytes | None:
        """Return the answer that the token stands for.

        Raises:
            Mismatch: The token was used with other parameters.

        """
        parameters, answer = self._answers.get(_key(call), (None, None))
        if parameters is not None and parameters != dict(call.parameters):
            raise Mismatch
        return answer

    def used(self, call: Call, answer: bytes) -> None:
        """Note what a token stands for from now on."""
        self._answers[_key(call)] = (dict(call.parameters), answer)


def _key(call: Call) -> tuple[str, str]:
    return call.region, call.parameters["ClientToken"]

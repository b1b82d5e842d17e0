"""What goes wrong, as tests say: which calls are refused, throttled, held or lose their answers."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import Enum, auto

from tests.clouds.aws_bench.calls import EXPIRED, THROTTLED, Call

MESSAGES = {
    "InsufficientInstanceCapacity": "We currently do not have sufficient capacity for this type.",
    "VcpuLimitExceeded": "You have requested more vCPU capacity than your current vCPU limit.",
    "MaxSpotInstanceCountExceeded": "Max spot instance count exceeded",
    "SpotMaxPriceTooLow": "Your Spot request price is lower than the minimum required.",
    "UnauthorizedOperation": "You are not authorized to perform this operation.",
    "AuthFailure": "AWS was not able to validate the provided access credentials",
    "OptInRequired": "You are not subscribed to this service.",
}


_PERMISSIONS = {"AuthFailure", "Blocked", "OptInRequired", "UnauthorizedOperation"}
"""Codes that calls are answered with which only ask for permission."""


@dataclass
class Refusal:
    """An error that calls are answered with, without effect. What is None matches anything."""

    code: str
    action: str | None = "RunInstances"
    instance_type: str | None = None
    region: str | None = None
    zone: str | None = None
    spot: bool | None = None
    times: int | None = None
    """How often it happens; None for always."""

    def matches(self, call: Call) -> bool:
        pairs = (
            (self.action, call.action),
            (self.instance_type, call.instance_type),
            (self.region, call.region),
            (self.zone, call.zone),
            (self.spot, call.spot),
        )
        return (
            self.times != 0
            and not (call.dry and self.code not in _PERMISSIONS)
            and all(wanted in (None, found) for wanted, found in pairs)
        )


class Fate(Enum):
    """What becomes of the answer to a call that had its effect."""

    GIVEN = auto()
    LOST = auto()
    """The connection is cut."""
    HELD = auto()
    """Nothing comes until the test lets go of it, or the client gives up."""


@dataclass
class _Mishap:
    action: str
    fate: Fate
    times: int


@dataclass
class Script:
    """The failures to come; decides about each call once."""

    refusals: list[Refusal] = field(default_factory=list)
    expired: bool = False
    _mishaps: list[_Mishap] = field(default_factory=list)
    _throttled_share: float = 0
    _chance: random.Random = field(default_factory=random.Random)

    def throttle(self, share: float, seed: int) -> None:
        """Throttle a share of all calls, drawn by seed."""
        self._throttled_share, self._chance = share, random.Random(seed)

    def mishap(self, action: str, fate: Fate, times: int) -> None:
        """Let answers to the next calls of an action be lost or held."""
        self._mishaps.append(_Mishap(action, fate, times))

    def error(self, call: Call) -> tuple[str, str] | None:
        """Return the code and message that a call is answered with instead of an effect."""
        if self.expired:
            code = EXPIRED.get(call.service, "ExpiredToken")
            return code, "Request has expired."
        if self._throttled_share and self._chance.random() < self._throttled_share:
            return THROTTLED.get(call.service, "Throttling"), "Request limit exceeded."
        for refusal in self.refusals:
            if refusal.matches(call):
                if refusal.times:
                    refusal.times -= 1
                return refusal.code, MESSAGES.get(refusal.code, f"refused with {refusal.code}")
        return None

    def fate(self, call: Call) -> Fate:
        """Return what becomes of the answer to a call."""
        for mishap in self._mishaps:
            if not call.dry and mishap.action == call.action and mishap.times > 0:
                mishap.times -= 1
                return mishap.fate
        return Fate.GIVEN

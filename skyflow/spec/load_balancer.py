"""Limits of the balancer in front of a service."""

from __future__ import annotations

from skyflow.spec.numbers import Seconds
from skyflow.spec.section import Section


class LoadBalancer(Section):
    """Limits of the balancer."""

    stream_timeout_seconds: Seconds = 120
    """Longest time without a byte from a replica."""

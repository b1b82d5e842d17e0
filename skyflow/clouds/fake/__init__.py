"""A cloud that follows a script: prices, capacity over time, failures, preemptions, notices."""

from skyflow.clouds.fake.cloud import SCRIPT_VARIABLE, FakeCloud
from skyflow.clouds.fake.script import NAME

__all__ = ["NAME", "SCRIPT_VARIABLE", "FakeCloud"]

"""The script that a fake cloud follows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skyflow.errors import UsageError
from skyflow.placement.offers import Offer, Place

NAME = "fake"
FailureKind = Literal["capacity", "quota", "credentials", "invalid", "transient", "lost"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FailureRule(_Part):
    """Launches that fail. Times are seconds since the fake cloud was first used."""

    kind: FailureKind
    """What goes wrong; `lost` makes the machine and fails all the same."""
    since: float = 0
    until: float | None = None
    times: int | None = None
    """Number of launches that fail; without it every one."""
    message: str = ""


class CapacityStep(_Part):
    """How many machines a place can hold from a time on."""

    at: float
    """Seconds since the fake cloud was first used."""
    machines: int


class Preemption(_Part):
    """Machines that are taken away, the oldest of the place first."""

    at: float
    """Seconds since the fake cloud was first used."""
    machines: int = 1
    notice_seconds: float = 0
    """How long before it there is a notice; none if 0."""


class FakePlace(_Part):
    """One machine type at one place."""

    region: str
    zone: str
    instance_type: str = "small"
    use_spot: bool = False
    hourly_price: float = Field(ge=0)
    """US dollars per machine and hour."""
    cpus: float = 4
    memory_gib: float = 16
    accelerator: str | None = None
    accelerator_count: float = 0
    accelerator_memory_gib: float | None = None
    local_disk_gib: float = 0
    capacity: int | tuple[CapacityStep, ...] | None = None
    """Machines that fit: always, in steps over time, or any number. When it shrinks, the newest
    spot machines beyond it are taken away."""
    launch_seconds: float = 0
    failures: tuple[FailureRule, ...] = ()
    preemptions: tuple[Preemption, ...] = ()

    @property
    def place(self) -> Place:
        """The place as the rest of skyflow knows it."""
        return Place(
            cloud=NAME,
            region=self.region,
            zone=self.zone,
            instance_type=self.instance_type,
            use_spot=self.use_spot,
        )

    @property
    def offer(self) -> Offer:
        """What the place offers."""
        return Offer(
            place=self.place,
            hourly_price=self.hourly_price,
            cpus=self.cpus,
            memory_gib=self.memory_gib,
            accelerator=self.accelerator,
            accelerator_count=self.accelerator_count,
            accelerator_memory_gib=self.accelerator_memory_gib,
            local_disk_gib=self.local_disk_gib,
        )

    def capacity_at(self, elapsed: float) -> int | None:
        """Return how many machines fit after a number of seconds; None for any number."""
        if self.capacity is None or isinstance(self.capacity, int):
            return self.capacity
        reached = [step for step in self.capacity if step.at <= elapsed]
        return max(reached, key=lambda step: step.at).machines if reached else 0


class Script(_Part):
    """Everything that a fake cloud does."""

    places: tuple[FakePlace, ...]
    machines: Literal["local", "none"] = "local"
    """`local`: real ones on this computer, in shared network mode; `none`: no process at all."""

    @staticmethod
    def load(path: Path) -> Script:
        """Read a script.

        Raises:
            UsageError: The file is missing or not a valid script.

        """
        try:
            return Script.model_validate_json(path.read_bytes())
        except OSError as error:
            raise UsageError(f"the script of the fake cloud cannot be read: {error}") from None
        except ValidationError as error:
            problems = "; ".join(_problems(error))
            raise UsageError(f"{path} is no script of the fake cloud: {problems}") from None

    def find(self, place: Place) -> FakePlace | None:
        """Return the script's entry for a place."""
        return next((each for each in self.places if each.place == place), None)


def _problems(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False):
        yield f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"

"""What all signals that react at once ask for together, before anything holds it back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skyflow.autoscaling.backlog import Service, is_worked_off
from skyflow.autoscaling.decision import Reading
from skyflow.autoscaling.demand import Demand, Work, work_demands
from skyflow.autoscaling.objective import (
    FIRST_BYTE,
    LATENCY,
    ObjectiveState,
    Setting,
    objective_demand,
)
from skyflow.autoscaling.scene import Scene
from skyflow.autoscaling.settling import Settling
from skyflow.autoscaling.trend import growth
from skyflow.autoscaling.window import PANIC_SECONDS, Load, load_over
from skyflow.records import Record


class Learned(Record):
    """What the signals remember."""

    settling: Settling = Settling()
    latency: ObjectiveState = ObjectiveState()
    first_byte: ObjectiveState = ObjectiveState()
    service: Service = Service()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Replicas asked for, whatever the bounds."""

    demands: tuple[Demand, ...]
    work: Work
    low: int
    """Fewer are too few."""
    high: int
    """More are too many."""
    unpredicted: int
    """What `low` would be if the load were not expected to grow."""
    panic: float
    """By the panic window, not rounded."""
    urgent: int
    """What there must be at once because there is none; otherwise 0."""

    def readings(self, *, in_panic: bool) -> tuple[Reading, ...]:
        """Return the readings, in a panic those of its window where they ask for more.

        Where there is no replica yet, they are those of this moment.
        """
        if self.urgent:
            return tuple(_at_once(demand, self.work) for demand in self.demands)
        return tuple(
            _in_panic(demand, self.work) if in_panic else demand.reading for demand in self.demands
        )


def wanted_replicas(scene: Scene, learned: Learned, level: int) -> tuple[Wanted, Learned]:
    """Return what the signals ask for, and what they remember, at a level of replicas."""
    in_force = max(scene.fleet.target, level + scene.settings.overprovision)
    settling = learned.settling.seen(scene.observation.ready, in_force, scene.now)
    service = learned.service.seen(scene.stable)
    is_starting = level > 0 and settling.is_starting(scene.now)
    learned = learned.model_copy(update={"settling": settling, "service": service})
    work = _work(scene, service, is_starting=is_starting)
    demands = work_demands(scene.settings, work, level, scene.stable.seconds)
    more, learned = _objectives(scene, learned, level)
    demands += more
    least = 1 if scene.is_busy else 0
    low = max(least, *(demand.low for demand in demands))
    high = max(low, *(demand.high for demand in demands))
    wanted = Wanted(
        tuple(demands),
        work,
        low,
        high if scene.is_known else max(high, level),
        unpredicted=max(least, *(demand.unpredicted for demand in demands)),
        panic=max(demand.panic for demand in demands),
        urgent=_urgent(scene, demands, level),
    )
    return wanted, learned


def _work(scene: Scene, service: Service, *, is_starting: bool) -> Work:
    cold_start = scene.fleet.cold_start_seconds
    stable, panic = scene.stable, load_over(scene.spans, scene.now, PANIC_SECONDS)
    seen = scene.observation
    now = Load(seen.seconds, seen.arrived, seen.work, seen.in_flight)
    passes = is_starting or is_worked_off(panic, seen.queued, cold_start)

    def lasting(load: Load, per_second: float) -> float:
        return service.lasting(load, per_second, cold_start) if passes else load.work

    return Work(
        stable=lasting(stable, stable.per_second),
        panic=lasting(panic, panic.per_second),
        now=lasting(now, panic.per_second),
        growth=growth(scene.spans, scene.now, cold_start) if cold_start else 1.0,
    )


def _objectives(scene: Scene, learned: Learned, level: int) -> tuple[list[Demand], Learned]:
    settings, ready = scene.settings, scene.observation.ready
    setting = Setting(
        spans=scene.spans,
        now=scene.now,
        level=level,
        ready=ready,
        overprovision=settings.overprovision,
        per_second=scene.stable.per_second,
        work=scene.observation.work,
        is_idle=scene.is_known and not scene.is_busy,
        settled_at=learned.settling.settled_at(scene.now),
    )
    demands = []
    latency, first_byte = learned.latency, learned.first_byte
    if (most := settings.latency_p95_seconds) is not None:
        demand, latency = objective_demand(LATENCY, most, latency, setting)
        demands.append(demand)
    if (most := settings.first_byte_p95_seconds) is not None:
        demand, first_byte = objective_demand(FIRST_BYTE, most, first_byte, setting)
        demands.append(demand)
    return demands, learned.model_copy(update={"latency": latency, "first_byte": first_byte})


def _urgent(scene: Scene, demands: list[Demand], level: int) -> int:
    """Return the replicas to start at once, by what waits now, while none can take it.

    An average over a window would ask for one replica after the other.
    """
    if not scene.is_busy or (level > 0 and scene.observation.ready > 0):
        return 0
    return max(1, *(demand.now for demand in demands))


def _at_once(demand: Demand, work: Work) -> Reading:
    if demand.now <= demand.reading.replicas:
        return demand.reading
    return demand.reading.model_copy(
        update={"value": float(work.now), "window_seconds": 0, "replicas": demand.now}
    )


def _in_panic(demand: Demand, work: Work) -> Reading:
    replicas = math.ceil(round(demand.panic, 6))
    if replicas <= demand.reading.replicas:
        return demand.reading
    return demand.reading.model_copy(
        update={"value": work.panic, "window_seconds": PANIC_SECONDS, "replicas": replicas}
    )

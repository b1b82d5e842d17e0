"""What all rules go by at one evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from skyflow.autoscaling.observation import Fleet, Observation
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds
from skyflow.autoscaling.window import STABLE_SECONDS, Load, Span, load_over

_ENOUGH_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Scene:
    """What the service says, what was seen, and when."""

    settings: AutoscalingSettings
    bounds: Bounds
    """Those in force."""
    spans: tuple[Span, ...]
    """The stable window, the latest observation included."""
    stable: Load
    """All of that window."""
    observation: Observation
    fleet: Fleet
    now: float
    """Time (Unix, seconds)."""
    at_once: bool = False
    """Whether to pass over delays, because the settings have changed."""

    @property
    def is_known(self) -> bool:
        """Whether enough of the stable window was observed to say that something is not there."""
        return self.stable.seconds >= _ENOUGH_SHARE * STABLE_SECONDS

    @property
    def is_busy(self) -> bool:
        """Whether there was anything to do in the stable window."""
        return self.stable.arrived > 0 or self.stable.work > 0 or self.observation.work > 0


def scene_of(
    settings: AutoscalingSettings,
    bounds: Bounds,
    spans: tuple[Span, ...],
    observation: Observation,
    fleet: Fleet,
    now: float,
    *,
    is_changed: bool,
) -> Scene:
    """Return the scene of an evaluation; changed settings count at once if the load is known."""
    stable = load_over(spans, now, STABLE_SECONDS)
    scene = Scene(settings, bounds, spans, stable, observation, fleet, now)
    if not (is_changed and scene.is_known):
        return scene
    return Scene(settings, bounds, spans, stable, observation, fleet, now, at_once=True)

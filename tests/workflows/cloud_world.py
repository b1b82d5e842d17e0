"""A world whose machines are those of the fake cloud, asked for by the real activities."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from activities.context import Context
from activities.machines import MachineActivities
from tests.workflows.world import World

_MACHINES = ("find_offers", "launch_machine", "teardown_replica")


class CloudWorld(World):
    """Replicas and balancers as dictionaries, on machines of a cloud."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._clouds = MachineActivities(context)

    @property
    def activities(self) -> Sequence[Callable[..., object]]:
        made_up = [each for each in super().activities if each.__name__ not in _MACHINES]
        return [*made_up, *(getattr(self._clouds, name) for name in _MACHINES)]

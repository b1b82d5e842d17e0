"""How many replicas to start, and which to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from skyflow.placement.capacity import capacity
from skyflow.state import ReplicaPhase, ReplicaRecord

_STOP_FIRST = (
    ReplicaPhase.PENDING,
    ReplicaPhase.PROVISIONING,
    ReplicaPhase.STARTING,
    ReplicaPhase.NOT_READY,
    ReplicaPhase.READY,
)


def missing_replicas(target: int, replicas: Sequence[ReplicaRecord]) -> int:
    """Return how many replicas must be started to reach the target.

    One with an interruption notice is replaced before it goes.
    """
    return max(0, target - sum(replica.live and not replica.notice for replica in replicas))


def surplus_replicas(
    target: int,
    replicas: Sequence[ReplicaRecord],
    in_flight: Mapping[int, int] = MappingProxyType({}),
    qps: Mapping[str, float] = MappingProxyType({}),
) -> tuple[int, ...]:
    """Return the ids of the replicas to stop, in the order in which to stop them.

    Args:
        target: Replicas wanted.
        replicas: Those that there are.
        in_flight: Requests at each of them, by id, where that is known.
        qps: Requests per second by accelerator, where replicas differ in what they can take.

    """
    staying = [replica for replica in replicas if not replica.notice]
    kept = by_usefulness(staying if target else replicas, in_flight, qps)
    return tuple(replica.replica_id for replica in reversed(kept[target:]))


def by_usefulness(
    replicas: Sequence[ReplicaRecord],
    in_flight: Mapping[int, int] = MappingProxyType({}),
    qps: Mapping[str, float] = MappingProxyType({}),
) -> list[ReplicaRecord]:
    """Return the replicas that are neither leaving nor ending, the one to keep longest first.

    Ready before not ready, the newest version, what can take most, the one with most requests in
    flight, the cheapest, and then the oldest, whose caches are warmest. Arguments are those of
    `surplus_replicas`.
    """

    def usefulness(replica: ReplicaRecord) -> tuple[int, int, float, int, float, int]:
        price = replica.offer.hourly_price if replica.offer else 0.0
        order = _STOP_FIRST.index(replica.phase) if replica.phase in _STOP_FIRST else 0
        return (
            order,
            replica.version,
            capacity(replica.offer, qps),
            in_flight.get(replica.replica_id, 0),
            -price,
            -replica.replica_id,
        )

    live = [replica for replica in replicas if replica.live]
    return sorted(live, key=usefulness, reverse=True)

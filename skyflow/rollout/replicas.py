"""How many replicas to start, and which to stop."""

from __future__ import annotations

from collections.abc import Sequence

from skyflow.state import ReplicaPhase, ReplicaRecord

_STOP_FIRST = (
    ReplicaPhase.PENDING,
    ReplicaPhase.PROVISIONING,
    ReplicaPhase.STARTING,
    ReplicaPhase.NOT_READY,
    ReplicaPhase.READY,
)


def missing_replicas(target: int, replicas: Sequence[ReplicaRecord]) -> int:
    """Return how many replicas must be started to reach the target."""
    return max(0, target - sum(replica.live for replica in replicas))


def surplus_replicas(target: int, replicas: Sequence[ReplicaRecord]) -> tuple[int, ...]:
    """Return the ids of the replicas to stop, in the order in which to stop them.

    Those that serve least go first: not ready before ready, the oldest version, the dearest, and
    then the youngest, whose caches are coldest.
    """
    live = [replica for replica in replicas if replica.live]

    def usefulness(replica: ReplicaRecord) -> tuple[int, int, float, int]:
        price = replica.offer.hourly_price if replica.offer else 0.0
        order = _STOP_FIRST.index(replica.phase) if replica.phase in _STOP_FIRST else 0
        return (order, replica.version, -price, -replica.replica_id)

    surplus = max(0, len(live) - target)
    return tuple(replica.replica_id for replica in sorted(live, key=usefulness)[:surplus])

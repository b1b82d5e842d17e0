"""Which replicas to take out because their cloud will take their machines away."""

from __future__ import annotations

from collections.abc import Sequence

from skyflow.state import ReplicaPhase, ReplicaRecord


def interrupted_replicas(replicas: Sequence[ReplicaRecord]) -> tuple[int, ...]:
    """Return the ids of the replicas with an interruption notice that get no new work.

    As soon as another replica is ready, so that what is in flight has all the time there is to
    end. The only ones that are ready serve on until a replacement is, or the machine is gone. One
    that is not ready is of no use any more.
    """
    another = any(r.live and not r.notice and r.phase is ReplicaPhase.READY for r in replicas)
    return tuple(
        replica.replica_id
        for replica in replicas
        if replica.live and replica.notice and (another or replica.phase is not ReplicaPhase.READY)
    )

"""What an endpoint set says of how requests are parted among its replicas."""

from __future__ import annotations

from math import inf

from lb.data.endpoints import EndpointSet
from lb.data.policies import POLICIES, Balancing
from lb.data.request import REPLAY_LIMIT


def balancing_of(endpoints: EndpointSet) -> Balancing:
    """Return how the requests of a set are balanced."""
    return Balancing(
        endpoints.load_balancing_policy,
        endpoints.slow_start_seconds,
        endpoints.prefix_bytes,
        endpoints.session_header,
    )


def check_balancing(endpoints: EndpointSet) -> None:
    """Check that a set can be balanced.

    Raises:
        ValueError: It cannot, with what is wrong and what is allowed.
    """
    if endpoints.load_balancing_policy not in POLICIES:
        raise ValueError(
            f"load balancing policy {endpoints.load_balancing_policy!r} is not known;"
            f" allowed: {', '.join(POLICIES)}"
        )
    if not 0 <= endpoints.slow_start_seconds < inf:
        raise ValueError(f"slow start {endpoints.slow_start_seconds} is not 0 or more")
    if not 0 < endpoints.prefix_bytes <= REPLAY_LIMIT:
        raise ValueError(
            f"prefix of {endpoints.prefix_bytes} bytes is not between 1 and {REPLAY_LIMIT}"
        )
    for endpoint in endpoints.endpoints:
        if not (0 <= endpoint.weight < inf and 0 < endpoint.capacity < inf):
            raise ValueError(
                f"replica {endpoint.replica_id} has weight {endpoint.weight} and capacity"
                f" {endpoint.capacity}; allowed: 0 or more, and above 0"
            )

"""What an endpoint set must be so that it can be served."""

from __future__ import annotations

from lb.data.balancing import check_balancing
from lb.data.endpoints import EndpointSet
from lb.data.limits import check_limits
from lb.data.upstream import Upstream


class InvalidEndpointSet(ValueError):
    """An endpoint set that can never be served."""


def check_endpoint_set(endpoints: EndpointSet) -> None:
    """Check that a set can be served.

    Raises:
        InvalidEndpointSet: It never can, with what is wrong and what is allowed.
    """
    if not 0 < endpoints.port < 65536:
        raise InvalidEndpointSet(f"port {endpoints.port} is not between 1 and 65535")
    try:
        check_balancing(endpoints)
        check_limits(endpoints)
        for endpoint in (*endpoints.endpoints, *endpoints.draining):
            Upstream(endpoint.url)
    except ValueError as error:
        raise InvalidEndpointSet(str(error)) from error

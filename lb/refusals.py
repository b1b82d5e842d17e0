"""Names by which the data plane says why it did not do what it was asked to."""

from __future__ import annotations

PORT_UNAVAILABLE = "PortUnavailable"
"""A port cannot be listened on."""
INVALID_ENDPOINT_SET = "InvalidEndpointSet"
"""An endpoint set can never be served, or a question makes no sense."""
EXHAUSTED = "Exhausted"
"""The data plane has run out of something for now."""

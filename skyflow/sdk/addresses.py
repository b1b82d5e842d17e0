"""Where people reach what the stack serves."""

from __future__ import annotations

from urllib.parse import quote

from skyflow.config import Settings
from skyflow.naming import service_workflow_id
from skyflow.stack_state import LOOPBACK, read_state

_ANY = {"0.0.0.0": LOOPBACK, "::": "::1"}


def endpoint_url(settings: Settings, port: int | None) -> str | None:
    """Return the URL of the endpoint at a port of this installation's balancer."""
    if port is None:
        return None
    state = read_state(settings)
    bind = state.bind if state else LOOPBACK
    host = _ANY.get(bind, bind)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def service_page(settings: Settings, namespace: str, name: str) -> str | None:
    """Return the page of a service in Temporal's web UI; None where its address is unknown."""
    state = read_state(settings)
    if state is None or state.ui_url is None:
        return None
    workflow = quote(service_workflow_id(name), safe="")
    return f"{state.ui_url}/namespaces/{namespace}/workflows/{workflow}"

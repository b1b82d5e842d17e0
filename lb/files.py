"""Where both processes of the balancer find what they share."""

from __future__ import annotations

from pathlib import Path

from skyflow.config import Settings


def control_socket(settings: Settings) -> Path:
    """Return the path of the data plane's control socket."""
    return settings.balancer / "control.sock"

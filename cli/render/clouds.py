"""Clouds as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from cli.render.tables import add_row, table
from skyflow.sdk.checks import CloudUse


def clouds(uses: Sequence[CloudUse]) -> RenderableType:
    """Return which clouds can be used and when they are."""
    made = table("CLOUD", "ENABLED", "USED", "DETAIL")
    for use in uses:
        check = use.check
        enabled = Text("yes", style="green") if check.enabled else Text("no", style="bold red")
        used = "by default" if use.by_default else "when named" if check.enabled else None
        add_row(made, (check.cloud, enabled, used, check.detail))
    return made

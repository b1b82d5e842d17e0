"""Services on their way: redrawn on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live

from cli.render.progress import changes, progress
from cli.terminal import news, say
from skyflow.sdk.views import ServiceView


class Board:
    """Shows where services are, on standard error."""

    def __init__(self, *, silent: bool = False, named: bool = False) -> None:
        """Start empty.

        Args:
            silent: Show nothing.
            named: Begin each line with the service's name.

        """
        self._silent = silent
        self._named = named
        self._views: dict[str, ServiceView] = {}
        console = news()
        self._live: Live | None = None
        if console.is_terminal and not silent:
            self._live = Live(
                console=console,
                get_renderable=self._drawn,
                refresh_per_second=5,
                vertical_overflow="crop",
            )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self, view: ServiceView) -> None:
        """Show what is known of a service now."""
        before = self._views.get(view.status.service)
        self._views[view.status.service] = view
        if self._live is None and not self._silent:
            prefix = f"[{view.status.service}] " if self._named else ""
            for line in changes(before, view):
                say(prefix + line)

    def _drawn(self) -> RenderableType:
        now = time.time()
        return Group(*(progress(view, now) for view in list(self._views.values())))

"""Saving the logs of a service as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from pathlib import Path

import click

from cli.log_source import LogSource, decision_line
from cli.render.text import size
from cli.terminal import say, show_document
from skyflow.errors import ControllerUnavailable, ServiceNotFound
from skyflow.sdk.log_download import Download, SavedLog, default_directory


@dataclass(frozen=True)
class Saving:
    """What to save: all there is unless something is named."""

    replica_id: int | None = None
    _: KW_ONLY
    controller: bool = False
    requests: bool = False

    async def save(self, source: LogSource, directory: Path | None, *, as_json: bool) -> None:
        """Save it in a new directory, and say where that is.

        Raises:
            UsageError: The directory cannot be used, or there is no log of the replica.
            ControllerUnavailable: Nobody can be asked for the decisions that were named.
            StorageError: The logs could not be read or written.

        """
        now = datetime.now().astimezone()
        place = (directory or default_directory(source.name, now)).expanduser().absolute()
        everything = self.replica_id is None and not (self.controller or self.requests)
        with Download(source.settings, source.name, source.incarnation, place) as download:
            if everything or self.controller:
                await self._save_decisions(source, download)
            if everything or self.requests:
                await download.requests()
            if everything or self.replica_id is not None:
                await download.replicas(self.replica_id)
        if as_json:
            show_document(_document(source, place, download.saved))
            return
        for log in download.saved:
            say(f"{log.file}: {size(log.bytes)}")
        click.echo(place)

    async def _save_decisions(self, source: LogSource, download: Download) -> None:
        """Save the decisions; unless they were named, do without if nobody can be asked."""
        try:
            if source.skyflow is None:
                raise ControllerUnavailable(
                    "decisions are kept by the controller, which does not answer",
                    "`skyflow stack up` starts it",
                )
            decisions = await source.skyflow.decisions(source.name)
        except (ControllerUnavailable, ServiceNotFound):
            if self.controller:
                raise
            say("The controller does not answer: its decisions are not saved.")
            return
        await download.decisions([decision_line(decision) for decision in decisions])


def _document(source: LogSource, place: Path, saved: Sequence[SavedLog]) -> dict[str, object]:
    return {
        "name": source.name,
        "incarnation": source.incarnation,
        "directory": str(place),
        "files": [log.model_dump(mode="json") for log in saved],
    }

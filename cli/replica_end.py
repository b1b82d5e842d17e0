"""Ending one replica of a service, and telling how it went."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cli.board import Board
from cli.connecting import changing
from cli.exits import Exit, Interrupted
from cli.terminal import confirm, say, show_document
from skyflow.client import Skyflow
from skyflow.errors import UsageError
from skyflow.sdk.termination import require_running
from skyflow.sdk.views import ReplicaFarewell


@dataclass(frozen=True)
class ReplicaEnd:
    """Which replica to end, and how."""

    name: str
    replica_id: int
    yes: bool
    purge: bool
    wait: bool
    as_json: bool

    async def carry_out(self) -> Exit:
        """Ask, end it, wait if that is wanted, and say what becomes of it.

        Raises:
            UsageError: There is no such replica, or nobody could be asked.

        """
        if self.purge and not self.wait:
            raise UsageError("logs can be removed once the replica is gone", "leave out --no-wait")
        async with changing() as skyflow:
            [view] = await skyflow.status([self.name])
            require_running(view.status, self.replica_id)
            if not (self.yes or self._agreed()):
                return Exit.FAILED
            try:
                end = await self._end(skyflow)
            except asyncio.CancelledError:
                raise Interrupted(self._goes_on()) from None
            if self.purge:
                await skyflow.logs.purge_replica(
                    self.name, view.status.incarnation, self.replica_id
                )
        self._tell(end)
        return Exit.OK

    def _agreed(self) -> bool:
        also = " and remove its logs" if self.purge else ""
        if confirm(f"End replica {self.replica_id} of service {self.name!r}{also}?"):
            return True
        say("Nothing was changed.")
        return False

    async def _end(self, skyflow: Skyflow) -> ReplicaFarewell:
        with Board(silent=self.as_json) as board:
            return await skyflow.terminate_replica(
                self.name, self.replica_id, wait=self.wait, progress=board.update
            )

    def _goes_on(self) -> str:
        kept = " Its logs are kept." if self.purge else ""
        return (
            f"If it was asked for already, replica {self.replica_id} of service {self.name!r} is "
            f"being ended and replaced.{kept}\n"
            f"  `skyflow serve status {self.name}` says how far it is."
        )

    def _tell(self, end: ReplicaFarewell) -> None:
        if self.as_json:
            show_document(end.model_dump(mode="json"))
            return
        replica = f"Replica {end.replica_id} of service {end.name!r}"
        left = "" if self.purge else f"; its logs are kept: `skyflow serve logs {end.name} "
        left += "" if self.purge else f"{end.replica_id}`"
        say(f"{replica} is gone{left}" if end.ended else f"{replica} is being ended")
        say(_replacement(end))


def _replacement(end: ReplicaFarewell) -> str:
    if end.replacements:
        ids = ", ".join(map(str, end.replacements))
        return (
            f"Replica {ids} takes its place; `skyflow serve status {end.name}` says how far it is."
        )
    if end.target:
        return f"A replacement is on its way: the service is to have {end.target}."
    return "It is not replaced: the service is to have no replica."

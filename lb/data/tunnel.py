"""Raw bytes both ways, once both sides have left HTTP."""

from __future__ import annotations

import asyncio
import math

from lb.data.record import UPGRADED, Record
from lb.data.replicas import Replica
from lb.data.service import Service
from lb.data.upstream import Connection
from lb.http.stream import Stream


class Tunnel:
    """Carries bytes until both sides have ended; a side that breaks ends the other."""

    __slots__ = ("_client", "_connection", "_record", "_replica", "_service")

    uploading = True
    due = math.inf

    def __init__(
        self,
        client: Stream,
        connection: Connection,
        replica: Replica,
        service: Service,
        record: Record,
    ) -> None:
        """Take both connections over.

        Args:
            client: One side.
            connection: The other one.
            replica: Where it leads to; the tunnel is in flight there until it ends.
            service: Told of the end.
            record: Notes what passes.
        """
        self._client = client
        self._connection = connection
        self._replica = replica
        self._service = service
        self._record = record
        record.status = 101
        record.ending = UPGRADED
        connection.user = self
        if client.blocked:
            connection.pause()
        client.resume()

    # What the client's connection calls

    def from_client(self, data: bytes) -> bytes:
        """Carry bytes on to the replica; none of them are left."""
        self._connection.write(data)
        return b""

    def client_ended(self) -> bool:
        """Pass an end on: the client may still listen."""
        self._connection.end()
        self._close_if_both_ended()
        return True

    def client_gone(self) -> None:
        """End the replica's side, too."""
        if not self._both_ended:
            self._connection.reset()
        self._replica.end()
        self._record.ended_at = asyncio.get_running_loop().time()
        self._service.ended(self._record)

    def client_reads(self, reads: bool) -> None:
        """Let the replica wait while the client does not follow."""
        self._connection.resume() if reads else self._connection.pause()

    def silent(self) -> None:
        """Let it be: either side may be silent for as long as it likes."""

    # What the replica's connection calls

    def from_replica(self, data: bytes) -> None:
        """Carry bytes on to the client."""
        self._record.sent += len(data)
        self._client.write(data)

    def replica_reads(self, reads: bool) -> None:
        """Let the client wait while the replica does not follow."""
        self._client.resume() if reads else self._client.pause()

    def replica_ended(self) -> None:
        """Pass an end on: the replica may still listen."""
        self._client.end()
        self._close_if_both_ended()

    def replica_lost(self) -> None:
        """End the client's side, too."""
        if not self._both_ended:
            self._client.reset()

    @property
    def _both_ended(self) -> bool:
        return self._client.ended and self._connection.ended

    def _close_if_both_ended(self) -> None:
        if self._both_ended:
            self._connection.close()
            self._client.close()

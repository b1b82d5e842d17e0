"""The SSH server of a machine: bash for its one user, with the one key that may log in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import asyncssh

from skyflow.clouds.local.directory import Plan
from skyflow.clouds.local.processes import Child, ProcessTable

_BASH = shutil.which("bash") or "/bin/bash"
_KEEPALIVE_SECONDS = 15
_SFTP_VERSION = 3
"""The one that OpenSSH speaks."""
_TERMINAL_OUTPUT_SECONDS = 1
"""Longest wait for the last output of a terminal, which background processes may keep open."""


class Shells:
    """Runs the commands and shells of SSH sessions."""

    def __init__(
        self, table: ProcessTable, user: str, home: Path, environment: Mapping[str, str]
    ) -> None:
        self._table = table
        self._environment = {
            **environment,
            "HOME": str(home),
            "USER": user,
            "LOGNAME": user,
            "SHELL": _BASH,
        }

    async def serve(self, session: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run what a session asks for, pass its streams on, and report how it ended.

        As with OpenSSH, what it started in the background goes on after the session; a session
        ends once its command has ended and nothing holds its output open any more.
        """
        with contextlib.suppress(OSError, asyncssh.Error):
            command = [_BASH, "-c", session.command] if session.command else [_BASH, "-l"]
            if session.term_type:
                await self._serve_terminal(session, command)
            else:
                await self._serve_pipes(session, command)

    async def _serve_pipes(
        self, session: asyncssh.SSHServerProcess[bytes], command: list[str]
    ) -> None:
        pipes = (subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
        child = self._table.spawn(command, self._environment, pipes)
        session.set_redirect_pid(-child.process.pid)
        # The end of one stream must not close the channel while the other still has data.
        await session.redirect(
            child.process.stdin, child.process.stdout, child.process.stderr, send_eof=False
        )
        status = await _ended(session, child)
        await session.stdout.drain()
        await session.stderr.drain()
        _report(session, status)

    async def _serve_terminal(
        self, session: asyncssh.SSHServerProcess[bytes], command: list[str]
    ) -> None:
        leader, follower = os.openpty()
        columns, rows, *_ = session.term_size
        # Before the program starts, which may ask for it at once.
        termios.tcsetwinsize(leader, (rows, columns))
        environment = {**self._environment, "TERM": session.term_type or "dumb"}
        streams = (follower, follower, follower)
        child = self._table.spawn(command, environment, streams, _take_terminal)
        os.close(follower)
        session.set_redirect_pid(-child.process.pid)
        await session.redirect(os.dup(leader), leader, send_eof=False)
        status = await _ended(session, child)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(session.stdout.drain(), _TERMINAL_OUTPUT_SECONDS)
        _report(session, status)


async def listen(address: str, port: int, plan: Plan, shells: Shells) -> asyncssh.SSHAcceptor:
    """Listen for SSH; port 0 takes any that is free.

    Raises:
        OSError: The address or port cannot be listened on.
        asyncssh.KeyImportError: A key is not valid.

    """
    authorized = asyncssh.import_authorized_keys(plan.authorized_key)
    return await asyncssh.listen(
        address,
        port,
        server_factory=lambda: _Server(shells, plan.user, authorized),
        config=None,
        server_host_keys=[asyncssh.import_private_key(plan.host_private_key)],
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        gss_host=None,
        agent_forwarding=False,
        encoding=None,
        line_editor=False,
        keepalive_interval=_KEEPALIVE_SECONDS,
    )


class _Server(asyncssh.SSHServer):
    def __init__(self, shells: Shells, user: str, authorized: asyncssh.SSHAuthorizedKeys) -> None:
        self._shells = shells
        self._user = user
        self._authorized = authorized
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        # Any other user has no key that would let him in.
        if self._connection and username == self._user:
            self._connection.set_authorized_keys(self._authorized)
        return True

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        return _Session(
            self._shells.serve,
            lambda channel: asyncssh.SFTPServer(cast("asyncssh.SSHServerChannel[bytes]", channel)),
            _SFTP_VERSION,
            allow_scp=False,
        )


class _Session(asyncssh.SSHServerProcess[bytes]):
    def eof_received(self) -> bool:
        # The end of the input may come while a pipe makes room for the data before it. A pipe of
        # asyncio that is closed at that moment loses the data, so it is closed a moment later.
        asyncio.get_running_loop().call_soon(super().eof_received)
        return True


async def _ended(session: asyncssh.SSHServerProcess[bytes], child: Child) -> int:
    status = await child.ended
    # Its number may soon be another process's, which a late signal must not reach.
    session.set_redirect_pid(None)
    return status


def _report(session: asyncssh.SSHServerProcess[bytes], status: int) -> None:
    names = {each.value: each.name for each in signal.Signals}
    if -status in names:
        session.exit_with_signal(names[-status].removeprefix("SIG"))
    else:
        # Most real-time signals have no name; a shell reports them like this too.
        session.exit(status if status >= 0 else 128 - status)


def _take_terminal() -> None:
    # The first terminal that the leader of a session opens becomes the one it is controlled by.
    os.close(os.open(os.ttyname(0), os.O_RDWR))

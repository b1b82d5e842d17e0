"""HAProxy of Debian: as little as possible, and with what ours does."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.lb.debian import debian_program, version_of
from benchmarks.lb.proxies.base import Place, Proxy

_CONFIGURATION = """\
global
    nbthread 1
{logging}
defaults
    mode http
    option http-no-delay
    timeout connect 5s
    timeout client 120s
    timeout server 120s
{extras}
frontend service
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    balance leastconn
    http-reuse always
{servers}
"""
_LOGGING = """\
    log stdout format raw local0
"""
_EXTRAS = """\
    log global
    option httplog
    option forwardfor
    unique-id-format %{+X}o%ci%cp%Ts%rt%pid
    unique-id-header X-Request-ID
    timeout http-request 30s
"""


class HAProxy(Proxy):
    """HAProxy on one thread, with kept connections on both sides and nothing else."""

    name: str = "haproxy"
    _logging: ClassVar[str] = ""
    _extras: ClassVar[str] = ""

    def install(self) -> str:
        """Fetch it."""
        return version_of(debian_program("haproxy"), "-v")

    def command(self, place: Place) -> list[str]:
        """Return the command."""
        servers = "\n".join(f"    server r{at} 127.0.0.1:{at}" for at in place.replicas)
        text = _CONFIGURATION.format(
            port=place.port, servers=servers, logging=self._logging, extras=self._extras
        )
        return [str(debian_program("haproxy").path), "-f", place.file("haproxy.cfg", text)]

    def environment(self, place: Place) -> dict[str, str]:
        """Return where its libraries are."""
        del place
        return debian_program("haproxy").environment


class HAProxyFull(HAProxy):
    """The same with an access log (httplog, to a file), X-Forwarded-For and a request id."""

    name = "haproxy-full"
    _logging = _LOGGING
    _extras = _EXTRAS

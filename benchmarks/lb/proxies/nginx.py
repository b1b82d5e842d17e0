"""nginx of Debian: one worker, kept connections on both sides, no buffering, no log."""

from __future__ import annotations

import os

from benchmarks.lb.debian import debian_program, version_of
from benchmarks.lb.proxies.base import Place, Proxy

_CONFIGURATION = """\
{user}
worker_processes 1;
pid {home}/nginx.pid;
daemon off;
error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {home}/client;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    upstream replicas {{
        least_conn;
{servers}
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://replicas;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_buffering off;
            proxy_read_timeout 120s;
        }}
    }}
}}
"""


class Nginx(Proxy):
    """nginx with one worker process."""

    name: str = "nginx"

    def install(self) -> str:
        """Fetch it."""
        return version_of(debian_program("nginx"), "-v")

    def command(self, place: Place) -> list[str]:
        """Return the command."""
        servers = "\n".join(f"        server 127.0.0.1:{at};" for at in place.replicas)
        text = _CONFIGURATION.format(
            user=_user(), home=place.home, port=place.port, servers=servers
        )
        configuration = place.file("nginx.conf", text)
        program = str(debian_program("nginx").path)
        return [program, "-p", str(place.home), "-e", "stderr", "-c", configuration]

    def environment(self, place: Place) -> dict[str, str]:
        """Return where its libraries are."""
        del place
        return debian_program("nginx").environment


def _user() -> str:
    # Run by root, a worker would otherwise become somebody who may not enter the home.
    return "user root;" if os.geteuid() == 0 else ""

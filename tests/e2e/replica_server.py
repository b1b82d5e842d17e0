"""A web server for replicas of tests: standard library only, runs on the machine's own Python.

Environment:
    TOKEN: If set, every request must carry it in the header `X-Token`.
"""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Says which replica it is, how often it was probed, and what its file `text` holds."""

    protocol_version = "HTTP/1.1"
    # Buffered, so that head and body leave together: a kill cannot come between them.
    wbufsize = -1
    probes = 0

    def do_GET(self) -> None:
        if self.path == "/ready":
            Handler.probes += 1
        body = json.dumps(self._told()).encode()
        self.send_response(200 if self._allowed() else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing: the log belongs to `run`."""

    def _told(self) -> dict[str, object]:
        replica = int(os.environ["SKYFLOW_REPLICA_ID"])
        text = Path("text")
        return {
            "service": os.environ["SKYFLOW_SERVICE_NAME"],
            "replica": replica,
            "probes": Handler.probes,
            "text": text.read_text() if text.exists() else "",
        }

    def _allowed(self) -> bool:
        return self.headers.get("X-Token") == os.environ.get("TOKEN")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("0.0.0.0", int(os.environ["SKYFLOW_REPLICA_PORT"])), Handler).serve_forever()

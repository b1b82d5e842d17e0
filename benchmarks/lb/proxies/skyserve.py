"""SkyServe's own balancer, of PyPI's skypilot."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from benchmarks.lb.processes import free_ports
from benchmarks.lb.proxies.base import Place, Proxy
from benchmarks.lb.venvs import venv_of

_REQUIREMENT = "skypilot==0.14.1"


class SkyServe(Proxy):
    """It is run as its own module is, and asks a controller for its replicas, as always."""

    name: str = "skyserve"

    def __init__(self) -> None:
        self._controller_port = 0

    def install(self) -> str:
        """Install it."""
        venv_of(_REQUIREMENT)
        return _REQUIREMENT

    def command(self, place: Place) -> list[str]:
        """Return the command; its policy is the default one, least load."""
        program = str(venv_of(_REQUIREMENT) / "python")
        controller = f"http://127.0.0.1:{self._controller_port}"
        arguments = ["--controller-addr", controller, "--load-balancer-port", str(place.port)]
        return [program, "-m", "sky.serve.load_balancer", *arguments]

    def environment(self, place: Place) -> dict[str, str]:
        """Return a home of its own: it writes there."""
        return {"HOME": str(place.home), "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"}

    @contextmanager
    def beside(self, place: Place) -> Iterator[None]:
        """Answer as its controller does when it asks for the replicas."""
        (self._controller_port,) = free_ports(1)
        known = {"replica_info": {url: {"gpu_type": "unknown"} for url in place.urls}}
        answer = json.dumps(known).encode()

        class Controller(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", self._controller_port), Controller) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield
            finally:
                server.shutdown()

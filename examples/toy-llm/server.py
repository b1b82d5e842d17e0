"""A toy language model server: OpenAI's API on the standard library, and no model.

Environment:
    SKYFLOW_REPLICA_PORT: Port to listen on; 8080 if unset.
    TOY_HOST: Address to listen on; all of the machine's if unset.
    TOY_MODEL: Name of the model.
    TOY_TOKENS_PER_SECOND: Speed of each answer; 0 for no delay.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from api import ApiError, Generation, read_generation

MAX_BODY = 4 * 1024 * 1024
"""Largest request body, in bytes."""
IDLE_SECONDS = 120
"""Longest time that a connection may stay silent."""


class ToyServer(ThreadingHTTPServer):
    """Listens, and gives each connection a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], model: str, tokens_per_second: float) -> None:
        super().__init__(address, Handler)
        self.model = model
        self.token_seconds = 1 / tokens_per_second if tokens_per_second else 0.0
        self.started = int(time.time())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when a client went away; report anything else as usual."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection, which may carry many requests."""

    protocol_version = "HTTP/1.1"
    server_version = "toy-llm"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server: ToyServer

    def do_GET(self) -> None:
        """Answer the paths that only tell something."""
        self._answer({"/health": self._health, "/": self._health, "/v1/models": self._models})

    def do_POST(self) -> None:
        """Answer the paths that generate text."""
        chat, plain = "/v1/chat/completions", "/v1/completions"
        self._answer({chat: lambda: self._generate(True), plain: lambda: self._generate(False)})

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Report what the HTTP layer refused in the format of the API, and hang up."""
        self.close_connection = True
        self._send_json(code, ApiError(code, message or explain or "Request refused.").body)

    def _answer(self, routes: dict[str, Callable[[], None]]) -> None:
        try:
            path = urlsplit(self.path).path.rstrip("/") or "/"
            if path not in routes:
                self._body()
                raise ApiError(404, f"No such path: {self.command} {path}")
            routes[path]()
        except ApiError as error:
            self._send_json(error.status, error.body)
        except ValueError:
            self.close_connection = True
            self._send_json(400, ApiError(400, "The request is not valid HTTP.").body)

    def _health(self) -> None:
        self._body()
        self._send_json(200, {"status": "ok", "replica": os.environ.get("SKYFLOW_REPLICA_ID")})

    def _models(self) -> None:
        self._body()
        model = {"id": self.server.model, "object": "model", "created": self.server.started}
        self._send_json(200, {"object": "list", "data": [{**model, "owned_by": "skyflow"}]})

    def _generate(self, chat: bool) -> None:
        generation = read_generation(self._body(), self.server.model, chat)
        if generation.stream:
            self._stream(generation)
            return
        time.sleep(len(generation.tokens) * self.server.token_seconds)
        self._send_json(200, generation.body())

    def _stream(self, generation: Generation) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        if self._is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for has_token, chunk in generation.chunks():
            if has_token:
                time.sleep(self.server.token_seconds)
            self._send_event(json.dumps(chunk))
        self._send_event("[DONE]")
        if self._is_chunked:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    @property
    def _is_chunked(self) -> bool:
        return self.request_version != "HTTP/1.0"

    def _send_event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event) if self._is_chunked else event)

    def _send_json(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunked_body()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise self._too_big()
        return self._read(int(length))

    def _chunked_body(self) -> bytes:
        body = b""
        while True:
            size = int(self.rfile.readline(64).split(b";")[0], 16)
            if size < 0 or len(body) + size > MAX_BODY:
                raise self._too_big()
            if size == 0:
                break
            body += self._read(size)
            self._read(2)
        while self.rfile.readline(65537).strip():
            pass
        return body

    def _read(self, size: int) -> bytes:
        content = self.rfile.read(size)
        if len(content) < size:
            raise ConnectionResetError("the client went away")
        return content

    def _too_big(self) -> ApiError:
        self.close_connection = True
        return ApiError(413, f"The body is larger than {MAX_BODY} bytes, or its size is unknown.")


def main() -> None:
    """Serve until ended."""
    port = int(os.environ.get("SKYFLOW_REPLICA_PORT") or 8080)
    rate = float(os.environ.get("TOY_TOKENS_PER_SECOND") or 0)
    if not math.isfinite(rate) or rate < 0:
        sys.exit(f"TOY_TOKENS_PER_SECOND is {rate}; allowed: 0 or more")
    address = (os.environ.get("TOY_HOST") or "0.0.0.0", port)
    with ToyServer(address, os.environ.get("TOY_MODEL") or "toy-llm", rate) as server:
        print(f"{server.model} listens on port {port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()

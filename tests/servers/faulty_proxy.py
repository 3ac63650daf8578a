"""An HTTP server that hands requests on to another, but for those that are to fail."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

__all__ = ["FaultyProxy", "faulty_proxy"]


class FaultyProxy:
    """What befalls requests: the first takes the first of `faults`, and so on; those beyond pass.

    A fault is "reset" (the connection breaks before the request is handed on), "503", "500", "429",
    "truncated" (half of the body, then the connection breaks), "wrong" (a byte of the body is another),
    "silent" (no answer at all), "lost answer" (handed on, then the connection breaks), or None.
    """

    def __init__(self, target: str) -> None:
        self.faults: list[str | None] = []
        self.requests = 0
        self._mutex = threading.Lock()
        self._ended = threading.Event()
        parts = urlsplit(target)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy._handle(self, parts.hostname or "", parts.port or 80)

            def log_message(self, *arguments: Any) -> None:
                pass

        for method in ("GET", "PUT", "HEAD", "POST", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_any)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that has hung up

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _next(self) -> str | None:
        with self._mutex:
            self.requests += 1
            return self.faults.pop(0) if self.faults else None

    def _handle(self, request: BaseHTTPRequestHandler, host: str, port: int) -> None:
        fault = self._next()
        sent = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if fault == "silent":
            self._ended.wait(30)
        if fault in {"reset", "silent"}:
            _break(request)
            return
        if fault in {"503", "500", "429"}:
            code = {"503": "SlowDown", "500": "InternalError", "429": "TooManyRequests"}[fault]
            body = f"<Error><Code>{code}</Code><Message>by plan</Message></Error>".encode()
            self._answer(request, int(fault), [("Content-Type", "application/xml")], body, len(body))
            return
        connection = http.client.HTTPConnection(host, port, timeout=30)
        try:
            connection.request(request.command, request.path, sent, dict(request.headers.items()))
            answer = connection.getresponse()
            body = answer.read()
            status, headers = answer.status, answer.getheaders()
        finally:
            connection.close()
        if fault == "lost answer":
            _break(request)
            return
        length = int(
            dict((name.lower(), value) for name, value in headers).get("content-length") or len(body)
        )
        if fault == "wrong" and body:
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 0x10]) + body[middle + 1 :]
        is_cut = fault == "truncated" and len(body) > 1
        self._answer(request, status, headers, body[: len(body) // 2] if is_cut else body, length)
        if is_cut:
            _break(request)

    def _answer(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes,
        length: int,
    ) -> None:
        request.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                request.send_header(name, value)
        request.send_header("Content-Length", str(length))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)


def _break(request: BaseHTTPRequestHandler) -> None:
    """End the connection by a reset."""
    request.wfile.flush()
    linger = struct.pack("ii", 1, 0)
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.connection.close()
    request.close_connection = True


@contextmanager
def faulty_proxy(target: str) -> Iterator[FaultyProxy]:
    """A proxy before the server at `target`."""
    proxy = FaultyProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()

"""The attacker's own machines: a web server and a port that speaks no HTTP, both on loopback.

Knows how they listen and that they keep all they are told. Does not know what they wait for.
"""

from __future__ import annotations

import os
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from valve_aws.attack.loot import unpacked

Keep = Callable[[str, str], None]
"""(place, text)."""

PATIENCE = 10.0
"""Seconds that a connection may be silent."""


class Machines:
    """Both kinds; `http` and `raw` are their ports."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._servers: list[socketserver.TCPServer] = []
        self.http = self._serve(ThreadingHTTPServer(("127.0.0.1", 0), _web(keep)))
        self.raw = {name: self.listen(f"tcp:{name}") for name in RAW}

    def listen(self, place: str) -> int:
        """Listen on a port more that speaks no HTTP; return it."""
        return self._serve(_raw(self._keep, place))

    def _serve(self, server: socketserver.TCPServer) -> int:
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        port: int = server.server_address[1]
        return port

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.shutdown()
            server.server_close()


RAW = ("db.attackers.test", "db.kept.test", "db.open.test")
"""Hosts with a port that speaks no HTTP, each its own."""


def _web(keep: Keep) -> type[BaseHTTPRequestHandler]:
    class Web(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE

        def _take(self) -> None:
            body = self._chunks() if "chunked" in self.headers.get("transfer-encoding", "") else self._sized()
            head = f"{self.command} {self.path}\n{self.headers}"
            name = self.headers.get("host", "").partition(":")[0]
            for place in {name, "attackers.test" if name.endswith(".attackers.test") else name}:
                keep(f"host:{place}", f"{head}\n{unpacked(body)}")
            _, redirect, elsewhere = self.path.partition("?redirect=")
            self.send_response(302 if redirect else 200)
            if redirect:
                self.send_header("location", elsewhere)
            self.send_header("content-length", "2")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b"ok")

        def _sized(self) -> bytes:
            return self.rfile.read(int(self.headers.get("content-length") or 0))

        def _chunks(self) -> bytes:
            pieces = []
            while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(pieces)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _take

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Web


def _raw(keep: Keep, place: str) -> socketserver.ThreadingTCPServer:
    class Raw(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(PATIENCE)
            try:
                while piece := self.request.recv(65536):
                    keep(place, piece.decode("utf-8", "replace"))
                    self.request.sendall(b"kept")
            except OSError:
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    return Server(("127.0.0.1", 0), Raw)


def fresh(letter: str) -> str:
    """Return a marker nobody has seen: a letter and 19 hexadecimal digits."""
    return letter + os.urandom(10).hex()[:19]

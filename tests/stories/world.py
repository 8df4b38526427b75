"""What a story needs around it: a cloud that outlives one command, a partner's stub, and the command."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rows.cloud import Server

ROOT = Path(__file__).resolve().parents[2]
STACKS = ROOT / "stacks"


@dataclass
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> Any:
        """The function's result."""
        return json.loads(self.out)


@dataclass
class World:
    """One story's world; `valve` runs a command in it."""

    folder: Path
    backend: str = ""
    options: list[str] = field(default_factory=list)

    def valve(self, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> Ran:
        """Run `valve …` as a user would."""
        command = [sys.executable, "-m", "valve_aws.cli", *words]
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        )
        assert "\nTraceback (most recent call last)" not in f"\n{done.stderr}", done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def invoke(self, function: str, *words: str, stdin: str = "") -> Ran:
        """Run `valve local invoke` with this world's template and options."""
        backend = ["--backend", self.backend] if self.backend else []
        return self.valve("local", "invoke", function, *backend, *self.options, *words, stdin=stdin)

    def records(self) -> list[dict[str, Any]]:
        """Return what was recorded so far."""
        path = self.folder / ".valve" / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def free_port() -> int:
    """Return a loopback port that nobody listens on now.

    Why of these: the kernel gives none of them to whoever connects or asks for any (ip(7),
    `ip_local_port_range`), so that it is still free when it is wanted, whatever else this machine does.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """Run a real moto server; yield its URL."""
    server = Server()
    try:
        yield server.url
    finally:
        server.stop()


@contextlib.contextmanager
def partner() -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    """Serve on a loopback port; keep (path, body) of every request."""
    got: list[tuple[str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers.get("content-length") or 0))))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = do_PUT = _take

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, got
    finally:
        server.shutdown()
        server.server_close()

"""How much memory the valve itself has, and what a very large object adds to it.

Knows resident sets. Does not judge: budgets are marked in the table.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.conftest import Valves
from tests.bench.figures import Figures, Row

GIB = 1 << 30
BLOCK = bytes(1 << 20)
RESIDENT, GROWTH = 120.0, 32.0
"""MiB that the valve may have without moto, and by which a GiB in either direction may raise its peak."""


class Store(http.server.BaseHTTPRequestHandler):
    """As much of S3 as takes one object and gives one back."""

    protocol_version = "HTTP/1.1"

    taken = 0
    """Bytes of the last object that was put."""

    def do_PUT(self) -> None:
        """Take an object."""
        left = Store.taken = int(self.headers["content-length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self._answer(0)

    def do_GET(self) -> None:
        """Give the object."""
        self._answer(GIB)
        for _ in range(GIB // len(BLOCK)):
            self.wfile.write(BLOCK)

    def _answer(self, size: int) -> None:
        self.send_response(200)
        self.send_header("etag", '"0123456789abcdef0123456789abcdef"')
        self.send_header("content-length", str(size))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def store() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.bench
def test_how_much_memory_the_valve_has(guarded: Valves, store: str, figures: Figures) -> None:
    """The function streams a GiB through the real sandbox to a stub of a store: moto is not in it."""
    valve = guarded(backend=store, mode="audit")
    valve.invoke("Bulk", {"way": "up", "size": 1 << 20})
    section = "memory of the valve, without moto"
    before = valve.ask({"ask": "memory"})["now"] / 1024
    figures.add(section, Row("resident after a first call", "MiB", {"resident": before}, before, RESIDENT))
    for way in ("up", "down"):
        before = valve.ask({"ask": "memory"})["now"] / 1024
        assert valve.invoke("Bulk", {"way": way, "size": GIB}) == GIB
        assert way == "down" or Store.taken >= GIB
        peak = valve.ask({"ask": "memory"})["peak"] / 1024
        figures.add(
            section, Row(f"1 GiB {way}", "MiB", {"resident": before, "peak": peak}, peak - before, GROWTH)
        )

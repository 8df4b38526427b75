"""The shim around Python's own HTTP client, on which urllib, urllib3 and requests stand."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

SHIMS = Path(__file__).parents[2] / "shims" / "python"
START = """
import sys
sys.path[:0] = sys.argv[1:]
import _valve_evidence
_valve_evidence.install(sys.argv[1])
import app
"""

CALLS = {
    "urllib": "import urllib.request\nurllib.request.urlopen(URL, data=b'x')",
    "http.client": "import http.client as c\nc.HTTPConnection(URL[7:]).request('POST', '/', b'x')",
    "urllib3": "import urllib3\nurllib3.PoolManager().request('POST', URL)",
}


@pytest.fixture
def seen() -> Iterator[tuple[str, list[list[str]]]]:
    """Give a server's URL and the evidence of each request that came."""
    sources: list[list[str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            sources.append(self.headers.get_all("x-valve-source") or [])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", sources
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.mark.parametrize("client", CALLS)
def test_a_request_of_any_client_says_once_which_line_made_it(
    client: str, tmp_path: Path, seen: tuple[str, list[list[str]]]
) -> None:
    url, sources = seen
    (tmp_path / "app.py").write_text(f"URL = {url!r}\n{CALLS[client]}\n")
    command = [sys.executable, "-c", START, str(tmp_path), str(SHIMS)]
    subprocess.run(command, env={"PATH": os.environ["PATH"]}, check=True, timeout=60)
    assert sources == [[f"{tmp_path}/app.py:3"]]

"""What stands before a LocalStack and writes down all that arrives there, as `backend/host.py` does for moto.

Knows HTTP/1.1 as the valve and boto3 speak it. Does not know what it passes on.
"""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from valve_aws.backend import endpoint, fill
from valve_aws.backend.host import note

ACCOUNT = "123456789012"
"""That of the stack whose hostile code is run."""

HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}
"""Headers of one hop, and what is written anew (RFC 9110 §7.6.1)."""


class Watched:
    """A LocalStack behind a port of its own. It has `Moto`'s `port` and `stop`."""

    def __init__(self, url: str, watch: Path) -> None:
        class Handler(Passing):
            at = urlsplit(url).netloc
            seen = str(watch)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @classmethod
    def start(
        cls,
        url: str,
        resources: Sequence[Mapping[str, Any]],
        seeds: Sequence[Mapping[str, Any]],
        region: str,
        watch: Path,
    ) -> Watched:
        """Fill an empty LocalStack and stand before it. See `Moto.start`."""
        _, warnings = fill(endpoint(url, ACCOUNT), resources, seeds, region)
        assert not warnings
        return cls(url, watch)

    def stop(self) -> None:
        """End this; the LocalStack stays."""
        self._server.shutdown()
        self._server.server_close()


class Passing(http.server.BaseHTTPRequestHandler):
    """Passes one request on and its answer back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    at = ""
    seen = ""

    def do_GET(self) -> None:
        body = self._body()
        note(self.seen, self, body)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        line = http.client.HTTPConnection(self.at, timeout=60)
        try:
            line.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
            answer = line.getresponse()
            content = answer.read()
        finally:
            line.close()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        bare = self.command == "HEAD"
        self.send_header(
            "Content-Length", answer.getheader("content-length", "0") if bare else str(len(content))
        )
        self.end_headers()
        self.wfile.write(content)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

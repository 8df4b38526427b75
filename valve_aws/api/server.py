"""The threads that serve, and their way into the one loop that everything else is on.

Knows sockets that answer, by a framework's own server. Does not know what is asked or answered.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

from werkzeug.serving import WSGIRequestHandler, make_server

T = TypeVar("T")


class Taken(Exception):
    """Nothing can listen where it was asked to."""


class Loop:
    """The loop, as a thread beside it sees it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def wait(self, course: Coroutine[Any, Any, T]) -> T:
        """Run a course on the loop and return what it returns. Raises what it raises."""
        return asyncio.run_coroutine_threadsafe(course, self._loop).result()

    def pieces(self, source: AsyncIterator[bytes]) -> Iterator[bytes]:
        """Give what comes on the loop piece by piece; whoever stops listening ends it there."""

        async def following() -> bytes | None:
            return await anext(source, None)

        async def end() -> None:
            if close := getattr(source, "aclose", None):
                await close()

        try:
            while (piece := self.wait(following())) is not None:
                yield piece
        finally:
            self.wait(end())


class Handler(WSGIRequestHandler):
    """One connection: kept open for more requests, and without a line to the terminal for each."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing; what a request led to is told by who knows."""

    def handle(self) -> None:
        """Serve a connection until it ends; one that breaks is no news."""
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True


class Listening:
    """An application that answers at an address. Made on any thread; `close` it."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        """`app` is a WSGI application; port 0 is one of the kernel's choosing. Raises `Taken`."""
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                probe.listen(128)
                self.port: int = probe.getsockname()[1]
                self._server = make_server(
                    host, port, app, threaded=True, request_handler=Handler, fd=probe.fileno()
                )
        except OSError as error:
            raise Taken(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
        self.host: str = host
        self._thread = threading.Thread(target=self._server.serve_forever, name="valve-api", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return where it answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def close(self) -> None:
        """Listen no more. Never called from a thread that serves."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

"""What comes out of an environment's sockets, and whom it goes to: the Runtime API, a course, nobody.

Knows that every socket belongs to one environment and its key (law 16). Does not know how an environment is
made, nor what is judged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from valve_aws import runtime
from valve_aws.environments.environment import Environment
from valve_aws.model.call import Key, Origin
from valve_aws.model.plan import Jail
from valve_aws.passage import crossing, splicing
from valve_aws.passage.driver import Passage
from valve_aws.proxy import Authority, Dial, Exchange, Server

RUNTIME_API = ("127.0.0.1", 9001)
"""Where the Runtime API answers inside, Lambda's own address."""


AT_LEISURE = 960.0
"""Seconds between two pieces of what a runtime sends: no longer than the longest event (900 s)."""
BODIES = 4
"""Whole bodies that are held for one environment at once; what sends another one waits.

Why few: each may be of 6 MiB, which is the valve's memory and not the function's; a runtime sends one at a
time."""


class Serving:
    """The sockets of one run's environments."""

    def __init__(self, passage: Passage, authority: Authority, unsafe: bool) -> None:
        """`unsafe` says that environments have the host's own loopback (`--unsafe-cooperative`)."""
        self._passage, self._authority, self._unsafe = passage, authority, unsafe
        self._keys: dict[str, Key] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def issue(self, environment: str, function: str) -> Key:
        """Return the credential that an environment will be served under."""
        key = self._keys[environment] = self._passage.ring.issue(environment, function)
        return key

    def serve(self, environment: Environment, jail: Jail) -> Callable[[], None]:
        """Accept on a jail's sockets for this environment alone; connections wait in the backlog until
        then."""
        subject, key, passage = environment.subject, self._keys.pop(environment.ident), self._passage
        api = RUNTIME_API
        if self._unsafe:
            proxy, api = (listener.getsockname() for listener in jail.listeners.tcp)
            passage.proxies.add(proxy[1])

        room = asyncio.Semaphore(BODIES)

        async def request(exchange: Exchange) -> None:
            origin = exchange.head.origin
            if (origin.address, origin.port) == api:
                await _runtime(environment, exchange, room)
            elif environment.crosses():
                await crossing.request(passage, subject, key, exchange)

        async def dial(connection: Dial) -> None:
            if environment.crosses():
                await splicing.dial(passage, subject, connection)

        async def name(_: str, kind: str) -> bool:
            # Why every name: it is answered in here, with an address of the sandbox's own; nobody outside
            # is asked.
            return kind in {"A", "AAAA"}

        def malformed(_: Origin, problem: str) -> None:
            if environment.crosses():
                self._keep(crossing.malformed(passage, subject, problem))

        opening = asyncio.ensure_future(
            Server.open(
                jail.listeners,
                environment.ident,
                self._authority,
                request,
                dial,
                name,
                refused=malformed,
                raw=passage.is_raw,
                upstream=passage.upstream,
                own=api,
            )
        )
        self._tasks.add(opening)

        async def stop() -> None:
            passage.ring.end(environment.ident)
            server = await opening
            self._tasks.discard(opening)
            await server.close()

        return lambda: self._keep(stop())

    def _keep(self, course: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(course)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def busy(self) -> set[asyncio.Task[Any]]:
        """Return what is still under way."""
        return {task for task in self._tasks if not task.done()}

    async def close(self) -> None:
        """Stop listening; what does not end by itself is cut."""
        while pending := self.busy:
            await asyncio.wait(pending, timeout=5)
            for task in pending:
                task.cancel()


async def _runtime(environment: Environment, exchange: Exchange, room: asyncio.Semaphore) -> None:
    """Answer a request to the Runtime API: a response in pieces as it comes, any other once it is whole."""
    method, path, headers = exchange.head.method, exchange.head.target, dict(exchange.head.headers)
    content = exchange.stream(AT_LEISURE)
    try:
        answered = await environment.runtime_stream(
            method, path, headers, content, lambda: dict(exchange.trailers)
        )
        if answered is None:
            # Why nothing of a GET: it may wait for as long as the environment lives.
            most = 0 if method == "GET" else runtime.RESPONSE_LIMIT + 1
            async with room if exchange.length != 0 else contextlib.nullcontext():
                body = await _whole(content, most)
                trailers = dict(exchange.trailers)
            answered = await environment.runtime_request(method, path, headers, body, trailers)
    except ConnectionError:
        return
    await exchange.respond(*answered)


async def _whole(content: AsyncIterator[bytes], most: int) -> bytes:
    """Read a body to its end, and keep so many bytes of it."""
    pieces, size = [], 0
    async for piece in content:
        if size < most:
            pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)[:most]

"""What is inside an environment asks the Runtime API, and is answered: at once, or when there is something.

Knows who waits, and what the API has made due. Does not know what any of it means, nor an environment's life.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from valve_aws.environments.surroundings import RuntimeApi
from valve_aws.model.invocation import Answer, Begun, Done, Reply, Sink
from valve_aws.model.telemetry import Crashed, Subscription, Told

Answered = tuple[int, tuple[tuple[str, str], ...], bytes]
"""(status, headers, body)."""


class Conversation:
    """One environment's talk with its Runtime API. On one loop."""

    def __init__(
        self, api: RuntimeApi, tick: Callable[[], float], other: Callable[[Subscription | Told], None]
    ) -> None:
        """`other` is told of what is neither an answer nor an end."""
        self.api, self._tick, self._other = api, tick, other
        self.crashed: Crashed | None = None
        """An extension that takes the environment along."""
        self.answering = 0.0
        """When the runtime began to answer, by `tick`; 0 before."""
        self.produced = 0
        """Bytes of its answer."""
        self.done: Done | None = None
        """How the event that is being served ended, or the start."""
        self.news = asyncio.Event()
        """Set with everything that may have changed something."""
        self.sink: Sink | None = None
        """Who takes the response of the event that is being served, if in pieces."""
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._over = False

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        trailers: Mapping[str, str],
    ) -> Answered:
        """Answer one request; waits for as long as it takes. Raises ConnectionError when the environment
        ends."""
        if self._over:
            raise ConnectionError("the environment has ended")
        answer = self.api.answer(method, path, headers, body, trailers)
        if not isinstance(answer, Answer):
            ticket = answer.ticket
            future = self._waiting[ticket] = asyncio.get_running_loop().create_future()
            self.turn()
            try:
                answer = await future
            finally:
                if self._waiting.pop(ticket, None):
                    self.api.forget(ticket)
        self.turn()
        return answer.status, answer.headers, answer.body

    async def stream(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        pieces: AsyncIterator[bytes],
        trailers: Callable[[], Mapping[str, str]],
    ) -> Answered | None:
        """Take a response in pieces, each handed on as it comes; None when the request is none, and nothing
        of it was read.

        `trailers` are asked for at its end.
        """
        opened = None if self._over else self.api.opens(method, path, headers)
        if opened is None:
            return None
        if isinstance(opened, Answer):
            return opened.status, opened.headers, opened.body
        try:
            answer = await self._poured(opened, pieces) or self.api.closes(trailers())
        except BaseException:
            self.api.breaks()
            raise
        finally:
            self.turn()
        return answer.status, answer.headers, answer.body

    async def _poured(self, begun: Begun, pieces: AsyncIterator[bytes]) -> Answer | None:
        """Hand every piece on; return a refusal if there was one."""
        self.answering = self._tick()
        if sink := self.sink:
            sink.begin(begun.kind)
        async for piece in pieces:
            self.produced += len(piece)
            if refused := self.api.piece(len(piece)):
                return refused
            if sink:
                await sink.take(piece)
        return None

    def turn(self) -> None:
        """Carry out what the Runtime API has made due."""
        for due in self.api.drain():
            match due:
                case Reply(ticket, answer):
                    future = self._waiting.pop(ticket, None)
                    if future and not future.done():
                        future.set_result(answer)
                case Done():
                    self.done = due
                    self.produced = self.produced or len(due.payload)
                    self.answering = self.answering or self._tick()
                case Crashed():
                    self.crashed = self.crashed or due
                case _:
                    self._other(due)
        self.news.set()

    def begin(self, sink: Sink | None) -> None:
        """Begin anew with the figures; `sink` takes the next event's response, if in pieces."""
        self.sink, self.answering, self.produced = sink, 0.0, 0

    def end(self) -> None:
        """Let nobody wait any more: what was inside has ended."""
        self._over = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("the environment has ended"))
        self._waiting.clear()
        self.news.set()

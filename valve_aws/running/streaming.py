"""A result on its way to the operator in pieces, each judged with the label that its environment has by then.

Knows who writes, who reads, and where it is cut. Decides nothing (law 11).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from valve_aws import runtime
from valve_aws.course.commands import Withheld
from valve_aws.course.drive import walk
from valve_aws.course.release import result
from valve_aws.course.subject import Subject
from valve_aws.model.label import Label
from valve_aws.model.verdict import Mode
from valve_aws.passage.driver import Passage
from valve_aws.passage.releasing import released
from valve_aws.running.housing import Run

AHEAD = 16
"""Pieces, of at most 64 KiB, that a reader may be behind before the function waits."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What an invocation from outside came to."""

    payload: bytes
    """Of a stream: what is told of its error, b"" when it ended well."""
    failed: bool
    invocation: str = ""
    """By which its records are told from others; "" when no function saw the event."""
    error_type: str = ""
    """`Runtime.ExitError`, `Valve.ResultRefused` …; "" when it did not fail."""


class Stream:
    """One result. Whoever invoked iterates over its pieces; `finished` is there when they are over.

    Invariant: a piece is judged with the label that there is when it arrives. What an environment has learned
    later it cannot have written into it.
    """

    def __init__(self, passage: Passage) -> None:
        self.kind = ""
        """The Content-Type that the runtime gave it, once something of it may leave; "" until then, and when
        it answers whole."""
        self.finished: Finished | None = None
        self._passage = passage
        self._pieces: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._taken = asyncio.Event()
        self._begun = False
        self._named = ""
        self._judged: Label | None = None
        self._told: list[str] = []
        self._closed = False
        self._serving: asyncio.Task[Any] | None = None

    # Whoever reads

    async def opened(self) -> None:
        """Wait for the first piece or the end. Raises why the function could not be invoked."""
        await self._news.wait()
        if self._serving and self._serving.done() and not self._serving.cancelled():
            self._serving.result()

    async def next(self) -> bytes | None:
        """Return the next piece; None when they are over, and `finished` is there."""
        while not self._pieces and self.finished is None:
            self._news.clear()
            await self._news.wait()
        self._taken.set()
        return self._pieces.popleft() if self._pieces else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the pieces as they come."""
        while (piece := await self.next()) is not None:
            yield piece

    def close(self) -> None:
        """Read no more: the function goes on, and what it writes goes nowhere."""
        self._closed = True
        self._pieces.clear()
        self._taken.set()

    # Whoever writes

    def follow(self, serving: asyncio.Task[Any]) -> None:
        """Let a reader know when `serving` is over, however."""
        self._serving = serving
        serving.add_done_callback(self._over)

    def _over(self, serving: asyncio.Task[Any]) -> None:
        failed = serving.cancelled() or serving.exception() is not None
        if failed and self.finished is None:
            ended = runtime.faults.unavailable()
            self.finished = Finished(ended, True, error_type="Valve.FunctionUnavailable")
        self._news.set()

    def sink(self, subject: Subject) -> Stream:
        """Be the sink for the environment that serves the event."""
        self._subject = subject
        place = None
        if lookout := self._passage.lookout:
            place = lookout.place(subject.function, "Result")
        self._look = self._passage.watch(self._told, place)
        return self

    def begin(self, kind: str) -> None:
        """Take note that the function answers in pieces (`Sink`). `kind` is its word too, and leaves with the
        first of them."""
        self._begun, self._named = True, kind

    async def take(self, piece: bytes) -> None:
        """Judge a piece, and hand it on if it may leave (`Sink`)."""
        if self._may_leave(piece):
            await self._put(piece)

    async def _put(self, piece: bytes) -> None:
        if not self._closed:
            self._pieces.append(piece)
        self._news.set()
        while len(self._pieces) >= AHEAD and not self._closed:
            self._taken.clear()
            await self._taken.wait()

    def _may_leave(self, piece: bytes) -> bool:
        """Judge what leaves now. Its verdict depends on the label and on what stands in it, so only where one
        of them is new."""
        if self.finished:
            return False
        held = ""
        try:
            if self._named and not self.kind:
                self._look(self._named.encode() + b"\n")
            self._look(piece)
        except Withheld as withheld:
            held = withheld.what
        held = held or (self._told.pop() if self._told else "")
        subject, passage = self._subject, self._passage
        if passage.court.mode is not Mode.OFF and (held or self._judged != subject.label):
            self._judged = subject.label
            ident, verdict = walk(result(passage.court, subject, held), passage.at_once)
            if not verdict.passes:
                self._refuse(ident)
                return False
        self.kind = self._named
        return True

    def _refuse(self, record: str) -> None:
        """Cut it: what went out before stays out, and the end is an error that tells nothing (law 14)."""
        kind = "Valve.ResultRefused"
        told = runtime.faults.refused(kind, record)
        self.finished = Finished(told, True, self._subject.invocation, kind)
        self._news.set()

    async def end(self, run: Run) -> None:
        """Take the end of the event: of a function that answered whole, with its answer."""
        if run.subject is None:
            self.finished = Finished(run.payload, run.failed, error_type=run.error_type)
        else:
            self._subject = run.subject
        if self.finished is None and (run.failed or not self._begun):
            await self._end_whole(run)
        elif self._may_leave(b""):
            self.finished = Finished(b"", False, self._subject.invocation)
        self._news.set()

    async def _end_whole(self, run: Run) -> None:
        done = Finished(run.payload, run.failed, self._subject.invocation, run.error_type)
        if self._passage.court.mode is not Mode.OFF:
            record, leaves = await released(self._passage, self._subject, run.payload)
            if leaves is None:
                self._refuse(record)
                return
            done = replace(done, payload=leaves)
        if not done.failed:
            await self._put(done.payload)
            done = replace(done, payload=b"")
        self.finished = done

"""Events that nobody waits for: kept, tried, tried again, and their end told to whom it is for.

Knows the order of Lambda's asynchronous invocation. Does not know who asked for one, nor how a function is
run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from valve_aws import runtime
from valve_aws.clock import Clock
from valve_aws.course.subject import Subject
from valve_aws.model.invocation import NOTHING_BESIDE, Beside
from valve_aws.model.stack import Function
from valve_aws.model.verdict import Holding, Mode
from valve_aws.passage.driver import Passage
from valve_aws.triggers import afterwards, streams
from valve_aws.triggers.afterwards import Attempt, End
from valve_aws.triggers.sending import Parcel, asked
from valve_aws.waking.delivering import Delivering
from valve_aws.waking.queues import Brought, Ended


@dataclass(frozen=True, slots=True)
class Deferred:
    """One event that is kept."""

    function: str | Function
    """Its logical id, or one of its versions."""
    payload: bytes
    carried: Holding
    arrived: float
    beside: Beside
    trigger: str = ""
    source: str = ""
    cause: str = ""
    tries: int = 0
    turns: int = 0
    """How often it was throttled since."""


Run = Callable[[str | Function, bytes, Holding, str, str, str, Beside], Awaitable[Ended]]
"""(function, payload, what it carries, trigger, source, cause, what comes beside) → what came of it."""


class Deferring:
    """The queue of one run's events."""

    def __init__(
        self,
        passage: Passage,
        clock: Clock,
        run: Run,
        brought: Brought,
        start: Callable[[Coroutine[Any, Any, Any]], object],
        delivering: Delivering,
        say: Callable[[str], None],
        fresh: Callable[[], str],
    ) -> None:
        """`start` lets something run on behind everybody's back; `fresh` gives a request id."""
        self._passage, self._clock, self._run, self.start = passage, clock, run, start
        self._brought, self._delivering, self._say, self._fresh = brought, delivering, say, fresh

    def put(
        self,
        function: str | Function,
        payload: bytes,
        carried: Holding = Holding(),
        trigger: str = "",
        source: str = "",
        cause: str = "",
        beside: Beside = NOTHING_BESIDE,
    ) -> str:
        """Take an event in, and return its request id, which all its tries have. `function` is its logical
        id, or one of its versions."""
        now = self._clock.now()
        beside = replace(beside, ident=beside.ident or self._fresh())
        beside = replace(beside, trace=beside.trace or self._trace(function, now))
        logical = function if isinstance(function, str) else function.logical
        carried = self._brought(logical, trigger, payload, carried)
        self.start(self._try(Deferred(function, payload, carried, now, beside, trigger, source, cause)))
        return beside.ident

    def _trace(self, function: str | Function, now: float) -> str:
        """Return an X-Ray header for all tries of an event, and for what is told of its end."""
        there = self._passage.stack.functions.get(function) if isinstance(function, str) else function
        traced, mark = there is not None and there.traced, self._fresh().replace("-", "")
        return runtime.tracing.trace("", traced, f"1-{int(now):08x}-{mark[:24]}", mark[-16:])

    async def _try(self, event: Deferred) -> None:
        known = self._passage.stack.functions
        function = event.function if isinstance(event.function, Function) else known.get(event.function)
        if function is None:
            self._say(f"valve: `{event.function}` is gone, and an event for it with it")
            return
        age = self._clock.now() - event.arrived
        if age > function.afterwards.age:
            await self._over(function, event, None, End.AGED)
            return
        if function.reserved == 0:
            await self._over(function, event, None, End.UNRESERVED)
            return
        ended = await self._run(
            event.function,
            event.payload,
            event.carried,
            event.trigger,
            event.source,
            event.cause,
            event.beside,
        )
        if ended.throttled:
            event = replace(event, turns=event.turns + 1)
            pause = afterwards.next_turn(event.turns)
            self._clock.at(self._clock.now() + pause, lambda: self.start(self._try(event)))
            return
        event = replace(event, tries=event.tries + 1, turns=0)
        if not ended.failed:
            await self._over(function, event, ended, End.SUCCESS)
            return
        # Why not again what was not let in: neither the policy nor the event's label will be another.
        after = (
            afterwards.next_try(function.afterwards, event.tries, age) if ended.admitted else End.EXHAUSTED
        )
        if isinstance(after, End):
            await self._over(function, event, ended, after)
            return
        # Why what it had learned: that it is tried again is told by how it ended (law 11).
        event = replace(event, carried=streams.carried((event.carried, ended.learned)))
        self._clock.at(self._clock.now() + after, lambda: self.start(self._try(event)))

    async def _over(self, function: Function, event: Deferred, ended: Ended | None, end: End) -> None:
        """Tell whoever is to be told; each may have it or not, by what the function had learned (law 11)."""
        rules = function.afterwards
        attempt = Attempt(ended.payload, ended.failed) if ended else None
        subject = ended.subject if ended else _unseen(event)
        if not event.carried.complete and self._passage.court.mode is Mode.ENFORCE:
            self._say(f"valve: {function.logical}: nobody is told of an event whose label cannot be told")
            return
        target = rules.on_success if end is End.SUCCESS else rules.on_failure
        if target:
            told = afterwards.ended(
                event.beside.ident,
                event.beside.arn or function.arn,
                event.payload,
                attempt,
                end,
                event.tries,
                self._clock.now(),
            )
            parcel = self._parcel(target, function, told, end, event)
            await self._tell(target, function, parcel, subject, event.carried)
        if rules.dead_letters and end is not End.SUCCESS:
            beside = afterwards.dead_letter(event.beside.ident, attempt)
            letter = Parcel(event.payload, beside, trace=event.beside.trace)
            await self._tell(rules.dead_letters, function, letter, subject, event.carried)

    def _parcel(
        self, target: str, function: Function, told: bytes, end: End, event: Deferred
    ) -> Parcel:
        how = "Success" if end is End.SUCCESS else "Failure"
        return Parcel(
            told,
            detail=f"Lambda Function Invocation Result - {how}",
            resources=(target, afterwards.qualified(event.beside.arn or function.arn)),
            key=afterwards.key(f"async/{function.name}", self._clock.now(), self._fresh()),
            trace=event.beside.trace,
        )

    async def _tell(
        self, target: str, function: Function, parcel: Parcel, subject: Subject, carried: Holding
    ) -> None:
        request = asked(target, parcel)
        if request is None:
            self._say(f"valve: {function.logical}: its destination is not covered here: {target[:120]}")
            return
        # Why not of a labelled event: it goes along as it came, and nobody has removed anything from it.
        await self._delivering.send(request, subject, own=True, lowers=not carried.label)


def _unseen(event: Deferred) -> Subject:
    """Return who knows of an event that no function saw: nobody knows more than it carries."""
    ways = {way.tag: way for way in event.carried.ways}
    logical = event.function if isinstance(event.function, str) else event.function.logical
    return Subject("", logical, event.carried.label, ways, event.beside.ident, cause=event.cause)

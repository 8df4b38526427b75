"""Pipes: what they were given goes to a function that enriches it, and from there to their target.

Knows the order, and that each step carries what the ones before it have learned. Does not know how a source
is read: what feeds functions feeds pipes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from valve_aws.clock import Clock
from valve_aws.course.commands import Lost
from valve_aws.course.subject import Subject
from valve_aws.model.ports import Outcome
from valve_aws.model.record import Record
from valve_aws.model.stack import Function, Stack, Trigger
from valve_aws.model.verdict import Holding
from valve_aws.passage.driver import Passage
from valve_aws.triggers import pipes
from valve_aws.triggers.pipes import Pipe
from valve_aws.triggers.sending import Parcel, asked
from valve_aws.waking.delivering import Delivering, Sent
from valve_aws.waking.queues import Brought, Ended, Wake
from valve_aws.waking.spreading import PLATFORM

Put = Callable[[str | Function, bytes, Holding, str, str, str], object]
"""(function, payload, what it carries, trigger, source, cause): leaves an event that nobody waits for."""


class Piping:
    """The pipes of one run. On one loop."""

    def __init__(
        self,
        passage: Passage,
        clock: Clock,
        wake: Wake,
        brought: Brought,
        put: Put,
        delivering: Delivering,
        looping: Callable[[str], bool],
        say: Callable[[str], None],
        embedded: bool,
    ) -> None:
        """`wake`, `brought` and `put` are about functions; `looping` says whether a chain of causes is too
        long; `embedded`: nobody else runs pipes there."""
        self._passage, self._clock, self._delivering = passage, clock, delivering
        self._function, self._brought, self._put = wake, brought, put
        self._looping, self._say, self._embedded = looping, say, embedded
        self._stack: Stack | None = None
        self._known: dict[str, Pipe] = {}
        self._fed: tuple[Trigger, ...] = ()
        """What feeds those. Why kept: it is asked for after every call that writes."""
        self._passed_over: dict[str, list[str]] = {}
        """Source → what is not covered of the pipes that read it, in words."""

    # Who they are

    def triggers(self) -> Iterator[Trigger]:
        """Yield what feeds functions, then what feeds pipes."""
        for function in self._passage.stack.functions.values():
            yield from function.triggers
        self._pipes()
        yield from self._fed

    def _pipes(self) -> Mapping[str, Pipe]:
        stack = self._passage.stack
        if stack is not self._stack:
            found = list(pipes.pipes(stack.resources.values()))
            lacking = {pipe.logical: self._lacks(pipe) for pipe in found}
            self._stack = stack
            self._known = {pipe.logical: pipe for pipe in found if not lacking[pipe.logical]}
            self._fed = tuple(filter(None, (pipe.trigger for pipe in self._known.values())))
            self._passed_over = {}
            for pipe in found:
                if why := lacking[pipe.logical]:
                    told = self._passed_over.setdefault(pipe.source.partition("/stream/")[0], [])
                    told.append(f"the pipe `{pipe.logical}`: {why[:200]}")
        return self._known

    def _lacks(self, pipe: Pipe) -> str:
        """Return what of a pipe is not covered, "" when all of it is."""
        functions = [self._named(pipe.enrichment), self._named(pipe.target)]
        if pipe.trigger is None:
            return f"its source `{pipe.source or pipe.told.get('Source')}`"
        if pipe.told.get("Enrichment") and functions[0] is None:
            return f"its enrichment `{pipe.enrichment or pipe.told.get('Enrichment')}`"
        if functions[1] is None and not pipe.feeds:
            return f"its target `{pipe.target or pipe.told.get('Target')}`"
        if not self._embedded and not any(functions):
            return "between stores of a backend that somebody else runs, that is the backend's affair"
        return ""

    def _named(self, arn: str) -> Function | None:
        """Return the function, or the version of one, that an ARN means."""
        return self._passage.versions.meant(self._passage.stack, arn) if arn else None

    def _still(self, arn: str) -> Function:
        """Return the function that an ARN means at this moment. Raises `Lost` when that is no more."""
        function = self._named(arn)
        if function is None:
            raise Lost(Outcome.FAILED, f"there is no function `{arn.partition(':function:')[2]}`")
        return function

    def passed_over(self) -> Iterator[str]:
        """Yield what is not covered, in words; it is not told again."""
        self._pipes()
        lists, self._passed_over = self._passed_over.values(), {}
        for told in lists:
            yield from told

    def settled(self, record: Record) -> None:
        """Tell once of a pipe that is not covered, when its source was given something."""
        self._pipes()
        stores = record.resources if record.outcome == "done" else ()
        for store in set(stores) & self._passed_over.keys():
            for told in self._passed_over.pop(store):
                self._say(f"valve: not covered here: {told}")

    # What goes through

    async def wake(
        self, who: str | Function, payload: bytes, carried: Holding, trigger: str, source: str, cause: str
    ) -> Ended:
        """Give an event to a function or a pipe, and return what it came to (`Wake`)."""
        pipe = self._pipes().get(who) if isinstance(who, str) else None
        if pipe is None:
            return await self._function(who, payload, carried, trigger, source, cause)
        stopped = ""
        if self._looping(cause):
            stopped = "it looks like a loop"
        else:
            try:
                return await self._through(pipe, payload, carried, source, cause)
            except RecursionError:  # Why here: JSON that can be read may be too deep to be written again
                stopped = "what it was given is nested too deeply"
        self._say(f"valve: nothing more goes through the pipe `{pipe.logical}`: {stopped}")
        return self._ended(carried, cause, failed=True, admitted=False)

    async def _through(
        self, pipe: Pipe, payload: bytes, carried: Holding, source: str, cause: str
    ) -> Ended:
        events: list[Any] = pipes.events(json.loads(payload)["Records"])
        if not pipe.told.get("Enrichment"):
            return await self._target(pipe, events, carried, source, cause, events)
        function = self._still(pipe.enrichment)
        ended = await self._given(pipe, function, "Enrichment", events, carried, source, cause)
        if ended.failed:
            return ended
        try:
            enriched = pipes.answered(ended.payload)
        except ValueError:
            return replace(ended, failed=True)
        return await self._target(pipe, enriched, ended.learned, source, cause, ())

    def brought(self, who: str, trigger: str, payload: bytes, carried: Holding) -> Holding:
        """Return all that an event carries, seen or not (`Brought`)."""
        return carried if who in self._pipes() else self._brought(who, trigger, payload, carried)

    async def _target(
        self,
        pipe: Pipe,
        events: Sequence[Any],
        carried: Holding,
        source: str,
        cause: str,
        read: Sequence[Mapping[str, Any]],
    ) -> Ended:
        """Hand events to a pipe's target. `read` are the source's own, where each event is one of them."""
        if not events:
            return self._ended(carried, cause)
        if not read and len(events) > pipe.most:
            given = f"{len(events)} events, and its target takes {pipe.most}"
            self._say(f"valve: nothing goes through the pipe `{pipe.logical}`: it has {given}")
            return self._ended(carried, cause, failed=True)
        function = None if pipe.feeds else self._still(pipe.target)
        if function is not None and pipe.waits:
            ended = await self._given(pipe, function, "Target", events, carried, source, cause)
            return replace(ended, payload=pipes.reported(ended.payload) if read else b"null")
        shaped = [pipe.shaped("Target", event, self._clock.now()) for event in events]
        if function is not None:
            name = f"{function.logical}.{pipe.logical}"
            who = function if function.version else function.logical
            self._put(who, _array(shaped), carried, name, source, cause)
            return self._ended(carried, cause)
        if not pipe.single:
            sent = [await self._sent(pipe, Parcel(_array(shaped)), carried, cause)]
        else:
            parcels = [pipe.parcel(*each) for each in zip(events, shaped, strict=True)]
            sent = [await self._sent(pipe, parcel, carried, cause) for parcel in parcels]
        left = [event for event, each in zip(read, sent, strict=False) if each is not Sent.DONE]
        if left and len(sent) == len(read) and len(left) < len(read):
            return self._ended(carried, cause, pipes.undone(left))
        failed, refused = any(each is not Sent.DONE for each in sent), Sent.REFUSED in sent
        return self._ended(carried, cause, failed=failed, admitted=not refused)

    async def _given(
        self,
        pipe: Pipe,
        function: Function,
        step: str,
        events: Sequence[Any],
        carried: Holding,
        source: str,
        cause: str,
    ) -> Ended:
        """Invoke a function with events, and wait for its answer."""
        payload = _array([pipe.shaped(step, event, self._clock.now()) for event in events])
        name = f"{function.logical}.{pipe.logical}"
        who = function if function.version else function.logical
        ended = await self._function(who, payload, carried, name, source, cause)
        # Why as a failure: a pipe has no concurrency of its own that it could wait for.
        return replace(ended, subject=_platform(ended.learned, cause), throttled=False)

    async def _sent(self, pipe: Pipe, parcel: Parcel, carried: Holding, cause: str) -> Sent:
        request = asked(pipe.target, parcel)
        assert request is not None, "another target is not covered"
        return await self._delivering.send(request, _platform(carried, cause))

    def _ended(
        self,
        carried: Holding,
        cause: str,
        payload: bytes = b"null",
        failed: bool = False,
        admitted: bool = True,
    ) -> Ended:
        return Ended(payload, failed, _platform(carried, cause), admitted)


def _platform(carried: Holding, cause: str) -> Subject:
    return Subject("", PLATFORM, carried.label, {way.tag: way for way in carried.ways}, cause=cause)


def _array(values: Sequence[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode()

"""Who has a function run: the operator, another function, a queue; and what each is given of what came of it.

Knows which end of an event is judged before it goes on, and what runs on behind its caller's back. Decides
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from valve_aws import application, runtime
from valve_aws.course.subject import Subject
from valve_aws.model.invocation import NOTHING_BESIDE, Beside, Sink
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Function
from valve_aws.model.verdict import Holding, Mode, Principal, Rule, Way
from valve_aws.passage.driver import Invoked, Passage
from valve_aws.passage.releasing import released
from valve_aws.running.execution import Serve
from valve_aws.running.executions import Executions
from valve_aws.running.housing import THROTTLED, Housing, Run, Throttled
from valve_aws.running.ledger import Ledger
from valve_aws.running.streaming import Finished, Stream
from valve_aws.waking.queues import Ended

NOT_LABELLED = Holding()

Defer = Callable[[str | Function, bytes, Holding, str, str, str, Beside], str]
"""(function, payload, what it carries, trigger, source, cause, what comes beside) → the request id of an
event that is kept and tried behind its sender's back."""

REFUSED = "Valve.ResultRefused"
"""The error of an outcome that was kept back."""


def full(done: Finished | None) -> bool:
    """Say whether an event was not begun, as too many others were under way. Why not by the name alone: a
    function may call its own error so."""
    return done is not None and not done.invocation and done.error_type == THROTTLED


class Invoking:
    """The events of one run, by who asked for them."""

    def __init__(
        self, housing: Housing, passage: Passage, ledger: Ledger, say: Callable[[str], None]
    ) -> None:
        """`ledger` tells loops and what was said already; `say` is what the operator reads."""
        self._housing, self._passage = housing, passage
        self._ledger, self._say = ledger, say
        self.background: set[asyncio.Task[Any]] = set()
        """What nobody waits for and is still under way."""
        self.defer: Defer | None = None
        self.executions = Executions(passage, self._for_step)
        self.current: Callable[[Function], Function] = lambda function: function
        """Gives the state of a function that an event is for, where functions change while a valve runs."""

    async def operator(
        self,
        function: str | Function,
        payload: bytes,
        event_source: str = "",
        beside: Beside = NOTHING_BESIDE,
        carried: Holding = NOT_LABELLED,
    ) -> Finished:
        """Invoke a function, by its logical id or as one of its versions, for the operator; its result is
        judged before it is returned (law 11).

        `carried` is what the payload carries when it stands for that of another function or a queue.
        """
        run = await self._run(function, payload, carried, event_source, "operator", "", beside)
        return await self.release(run)

    async def unreleased(self, function: str, payload: bytes, beside: Beside = NOTHING_BESIDE) -> Run:
        """Invoke a function for a part of the platform that hands on what it says, with its label. Never to
        be shown to anybody before `release`."""
        return await self._run(function, payload, NOT_LABELLED, "", "operator", "", beside)

    async def release(self, run: Run) -> Finished:
        """Judge what an event came to, and return what of it may leave (law 11)."""
        if run.subject is None:
            return Finished(run.payload, run.failed, error_type=run.error_type)
        done = Finished(run.payload, run.failed, run.subject.invocation, run.error_type)
        if self._passage.court.mode is Mode.OFF:
            self._passage.sighted(run.subject, "Result", run.payload)
            return done
        ident, leaves = await released(self._passage, run.subject, run.payload)
        if leaves is not None:
            return replace(done, payload=leaves)
        payload = runtime.faults.refused(REFUSED, ident)
        return replace(done, payload=payload, failed=True, error_type=REFUSED)

    def behind(self, function: str | Function, payload: bytes, beside: Beside = NOTHING_BESIDE) -> None:
        """Leave an event for a function, as the operator who does not wait for what comes of it."""
        assert self.defer is not None, "nobody keeps events"
        self.defer(function, payload, NOT_LABELLED, "", "operator", "", beside)

    async def stream(
        self,
        function: str | Function,
        payload: bytes,
        event_source: str = "",
        beside: Beside = NOTHING_BESIDE,
        carried: Holding = NOT_LABELLED,
    ) -> Stream:
        """Invoke a function for the operator, who takes its result in pieces as it writes them, each judged
        (law 11).

        Returns with the first piece or the end; raises what `operator` does. The function goes on whether
        anybody reads or not.
        """
        stream = Stream(self._passage)

        async def course() -> None:
            told = (event_source, "operator", "", beside, stream.sink)
            await stream.end(await self._run(function, payload, carried, *told))

        stream.follow(self.start(course()))
        await stream.opened()
        return stream

    async def _run(
        self,
        function: str | Function,
        payload: bytes,
        carried: Holding,
        trigger: str,
        source: str,
        cause: str,
        beside: Beside = NOTHING_BESIDE,
        sink: Callable[[Subject], Sink] | None = None,
    ) -> Run:
        fields = application.fields(payload) if trigger else {}
        named = self._passage.stack.functions[function] if isinstance(function, str) else function
        there = self.current(named)

        async def serve(payload: bytes, carried: Holding, beside: Beside) -> Run:
            # Why no pieces of it: what a durable function answers is for its runner.
            pieces = sink if there.durable is None else None
            told = (there, payload, carried, trigger, fields, source, cause, beside, pieces)
            return await self._served(*told)

        if there.durable is None:
            return await serve(payload, carried, beside)
        return await self.executions.run(there, payload, carried, beside, serve)

    async def _served(
        self,
        there: Function,
        payload: bytes,
        carried: Holding,
        trigger: str,
        fields: Mapping[str, str],
        source: str,
        cause: str,
        beside: Beside,
        sink: Callable[[Subject], Sink] | None = None,
    ) -> Run:
        try:
            run = await self._housing.run(
                there, payload, carried, trigger, fields, source, cause, beside, sink
            )
        except Throttled as full:
            label = carried.label | full.label
            return Run(runtime.faults.throttled(), True, label, carried.ways, None, THROTTLED)
        if run.subject is not None:
            self._ledger.ended(there.logical, run.label)
        return run

    def _for_step(self, function: Function, cause: str) -> Serve:
        """Return what has a function serve an event that a step of a durable execution sends it; `cause` is
        the record of the call that had the step begin."""

        async def serve(payload: bytes, carried: Holding, beside: Beside) -> Run:
            there = self.current(function)
            if self._ledger.looping(cause):
                return Run(runtime.faults.recursion(), True, carried.label, carried.ways, None)
            try:
                return await self._served(there, payload, carried, "", {}, there.arn, cause, beside)
            except Invalid as mistake:
                if self._ledger.first(mistake.where):
                    self._say(f"valve: {mistake}")
                return Run(runtime.faults.unavailable(), True, carried.label, carried.ways, None)

        return serve

    async def _inner(
        self,
        function: str | Function,
        payload: bytes,
        carried: Holding,
        trigger: str,
        source: str,
        cause: str,
        beside: Beside = NOTHING_BESIDE,
    ) -> Run:
        """Run a function for another one or a queue; if it cannot be run here it fails, and that is told."""
        try:
            return await self._run(function, payload, carried, trigger, source, cause, beside)
        except Invalid as mistake:
            if self._ledger.first(mistake.where):
                self._say(f"valve: {mistake}")
            return Run(runtime.faults.unavailable(), True, carried.label, carried.ways, None)

    async def for_function(
        self,
        arn: str,
        payload: bytes,
        waits: bool,
        label: Label,
        ways: tuple[Way, ...],
        cause: str,
        beside: Beside,
    ) -> Invoked:
        """Invoke a function for another one."""
        function = self._meant(beside.arn or arn)
        carried = Holding(label, True, ways)
        if not waits:
            assert self.defer is not None, "nobody keeps events"
            self.defer(function, payload, carried, "", arn, cause, beside)
            return Invoked(b"", False, CLEAN, ())
        if self._ledger.looping(cause):
            return Invoked(runtime.faults.recursion(), True, label, ways)
        run = await self._inner(function, payload, carried, "", arn, cause, beside)
        return Invoked(run.payload, run.failed, run.label, run.ways, run.throttled)

    def _meant(self, arn: str) -> str | Function:
        """Return what an ARN means: a version, or by its logical id what `$LATEST` is when it is run."""
        found = self._passage.versions.meant(self._passage.stack, arn)
        assert found is not None, "it was looked for before"
        return found if found.version else found.logical

    def brought(self, function: str, trigger: str, payload: bytes, carried: Holding) -> Holding:
        """Return all that an event carries, whether a function sees it or not: what its payload does, and
        what the policy says of its trigger (law 1). `complete` False: a field of that is not filled."""
        court = self._passage.court
        if court.mode is Mode.OFF:
            return carried
        fields = application.fields(payload) if trigger else {}
        verdict = court.judge.admit(Principal("", function, trigger=trigger, fields=fields), carried)
        told = all(reason.rule is not Rule.FIELD for reason in verdict.refused)
        return Holding(verdict.joins, told, verdict.ways)

    async def for_queue(
        self,
        function: str | Function,
        payload: bytes,
        carried: Holding,
        trigger: str,
        source: str,
        cause: str,
        beside: Beside = NOTHING_BESIDE,
    ) -> Ended:
        """Invoke a function for a queue: a store's, or that of events which nobody waits for."""
        logical = function if isinstance(function, str) else function.logical
        if self._ledger.looping(cause):
            by = trigger or "an invocation"
            self._say(f"valve: {logical} is not woken again by {by}: it looks like a loop")
            run = Run(runtime.faults.recursion(), True, carried.label, carried.ways, None)
        else:
            run = await self._inner(function, payload, carried, trigger, source, cause, beside)
        ways = {way.tag: way for way in run.ways}
        # Why a copy: the environment itself may be at its next event already.
        who = run.subject or Subject("", logical, invocation=beside.ident, trigger=trigger, cause=cause)
        who = replace(who, label=run.label, ways=ways, outgoing={})
        return Ended(run.payload, run.failed, who, run.subject is not None, run.throttled)

    def start(self, course: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let something run on behind everybody's back."""
        task = asyncio.ensure_future(course)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        return task

    async def abandon(self) -> None:
        """Cut what nobody waits for and is still under way."""
        for task in self.background:
            task.cancel()
        await asyncio.gather(*self.background, return_exceptions=True)
        await self.executions.renew()

    async def close(self) -> None:
        """Cut what is under way, and have no durable execution gone on with."""
        await self.abandon()
        await self.executions.close()

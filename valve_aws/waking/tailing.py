"""Streams that wake functions: which are due, and what becomes of a batch.

Knows the order of read, invoke and go on, for each shard and its lanes. Does not know what a label means; it
is carried along.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from valve_aws.clock import Clock
from valve_aws.course import commands as ask
from valve_aws.course.drive import drive
from valve_aws.course.release import outcome
from valve_aws.course.subject import Subject
from valve_aws.model.plural import counted
from valve_aws.model.record import Record
from valve_aws.model.stack import Trigger
from valve_aws.model.verdict import Holding, Mode, Rule
from valve_aws.passage.driver import Passage
from valve_aws.triggers import afterwards, streams
from valve_aws.triggers.sending import Parcel, asked
from valve_aws.triggers.streams import Taken
from valve_aws.waking.delivering import Delivering
from valve_aws.waking.following import Batch, Following, Lane, Tail, Window
from valve_aws.waking.queues import ATTEMPTS, Brought, Ended, Triggers, Wake, enabled, named, woken

FIRST, LONGEST = 0.5, 60.0
"""Seconds before a batch is tried again that failed, doubled each time, and the most that they become. Why so
soon: AWS was recorded to have tried seven times in one minute."""


class Tailing:
    """The streams of one run that wake functions. On one loop."""

    def __init__(
        self,
        passage: Passage,
        clock: Clock,
        wake: Wake,
        brought: Brought,
        delivering: Delivering,
        following: Following,
        start: Callable[[Coroutine[Any, Any, Any]], object],
        say: Callable[[str], None],
        fresh: Callable[[], str],
        triggers: Triggers,
    ) -> None:
        """`start` lets something run on behind everybody's back."""
        self._passage, self._clock, self._wake, self._brought = passage, clock, wake, brought
        self._delivering, self._all = delivering, triggers
        self.following, self._start, self._say, self._fresh = following, start, say, fresh
        self.due: dict[str, str] = {}
        """Store → the record of the call that put something there."""
        self.serving: set[str] = set()
        self.processed: dict[tuple[str, str], str] = {}
        """Function and trigger → what became of the last batch, in the words of `LastProcessingResult`."""
        self._had = named(self._triggers())

    def _triggers(self) -> dict[str, list[Trigger]]:
        found: dict[str, list[Trigger]] = {}
        for trigger in self._all():
            if trigger.kind in {"DynamoDB", "Kinesis"} and trigger.source and enabled(trigger):
                table = trigger.source.partition("/stream/")[0]
                store = table if trigger.kind == "DynamoDB" else trigger.source
                found.setdefault(store, []).append(trigger)
        return found

    def settled(self, record: Record) -> None:
        """Take note of a call that was done: a stream may have something for its function."""
        if record.outcome == "done" and record.service in {"dynamodb", "kinesis"}:
            for store in set(record.resources) & set(self._triggers()):
                self.due[store] = record.ident

    def learned(self) -> None:
        """Let the streams be due that wake somebody who was not woken before."""
        had, self._had = self._had, named(self._triggers())
        for store, _ in self._had - had:
            self.due.setdefault(store, "")

    def forget(self) -> None:
        """Forget how far anything was read: the streams are not what they were."""
        self.due.clear()
        self.processed.clear()
        self.following.forget()

    async def turn(self) -> None:
        """Serve every stream that is due and is not being served already."""
        due = [store for store in self.due if store not in self.serving]
        for fault in await asyncio.gather(*map(self._while_due, due), return_exceptions=True):
            if isinstance(fault, BaseException):
                raise fault

    async def _while_due(self, store: str) -> None:
        self.serving.add(store)
        try:
            while store in self.due:
                cause = self.due.pop(store)
                served = (self._serve(trigger, cause) for trigger in self._triggers().get(store, ()))
                for fault in await asyncio.gather(*served, return_exceptions=True):
                    if isinstance(fault, ask.Lost):
                        self._say(f"valve: nobody is woken by {store.rpartition(':')[2]}: {fault}")
                    elif isinstance(fault, BaseException):
                        raise fault
        finally:
            self.serving.discard(store)

    async def _serve(self, trigger: Trigger, cause: str) -> None:
        for tail in await self.following.tails(trigger):
            await self.following.read(tail)
            await asyncio.gather(*(self._go_on(tail, lane, cause) for lane in tail.lanes))

    # Serving

    async def _go_on(self, tail: Tail, lane: Lane, cause: str) -> None:
        """Serve a lane's batches in their order, as far as nothing has to be waited for."""
        while not lane.busy:
            batch = self._next(tail, lane)
            if batch is None:
                return
            lane.busy = True
            try:
                await self._batch(tail, lane, batch, cause)
            finally:
                lane.busy = False

    def _next(self, tail: Tail, lane: Lane) -> Batch | None:
        now, rules = self._clock.now(), tail.rules
        if lane.again:
            return lane.again.pop(0) if lane.until <= now else None
        if not lane.waiting:
            lane.waited = Holding()
            return None
        if rules.window and len(lane.waiting) < rules.size:
            if tail.gathers is None:
                ends = now + rules.window
                tail.gathers = self._clock.at(ends, lambda: self.due.setdefault(tail.store, ""))
            if not tail.gathers.over:
                return None
        tail.gathers = None
        count = rules.size
        if rules.tumbling:
            began = self._began(tail, lane.waiting[0])
            same = [self._began(tail, taken) == began for taken in lane.waiting[:count]]
            count = same.index(False) if False in same else count
        records, lane.waiting = tuple(lane.waiting[:count]), lane.waiting[count:]
        return Batch(records)

    def _began(self, tail: Tail, taken: Taken) -> float:
        return taken.arrived // tail.rules.tumbling * tail.rules.tumbling

    async def _batch(self, tail: Tail, lane: Lane, batch: Batch, cause: str) -> None:
        rules, now = tail.rules, self._clock.now()
        old = rules.age >= 0 and now - batch.records[0].came > rules.age
        if old:
            aged = tuple(taken for taken in batch.records if now - taken.came > rules.age)
            given = Batch(aged, batch.tries, streams.carried((batch.learned, lane.waited)))
            await self._give_up(tail, given, "RecordAgeExceeded")
            rest = batch.records[len(aged) :]
            if rest:
                lane.again.insert(0, Batch(rest, batch.tries, batch.learned))
            return
        ended = await self._woken(tail, batch, cause)
        if rules.tumbling:
            # Why whatever came of it: what the state lacks is told by how it ended, too (law 11).
            began = self._began(tail, batch.records[0])
            window = tail.windows.setdefault(began, Window({}, Holding()))
            window.holding = streams.carried((window.holding, ended.learned))
        at = streams.undone(batch.records, ended.payload, ended.failed, rules.reports)
        if rules.tumbling and at is None:
            at = self._in_window(tail, batch, ended)
        self.processed[tail.trigger.function, tail.trigger.name] = self._result(ended, at)
        if at is None or not await self._stays(tail, ended):
            lane.until = 0.0
            return
        # Why from the beginning: what is left once something was done has had no try of its own.
        before = 0 if at else batch.tries
        tries = before + (not at and not ended.throttled)
        most = rules.retries
        if most < 0:  # Why so few where time is moved and no age ends it: a run must end
            most = ATTEMPTS - 1 if self._clock.moves and rules.age < 0 else tries
        left, learned = batch.records[at:], ended.learned
        lane.waited = streams.carried((lane.waited, learned))
        if ended.throttled:
            lane.again.insert(0, Batch(left, tries, learned))
            # Why not owed where nothing is reserved: no time that passes will let it in.
            self._wait(tail, lane, 1, self._passage.stack.functions[tail.trigger.function].reserved != 0)
        elif rules.bisects and len(left) > 1:
            lane.again[:0] = [Batch(half, before, learned) for half in streams.halves(left)]
            self._wait(tail, lane, tries)
        elif tries > most or not ended.admitted:
            await self._give_up(tail, Batch(left, tries), "RetryAttemptsExhausted", ended)
        else:
            lane.again.insert(0, Batch(left, tries, learned))
            self._wait(tail, lane, tries)

    def _result(self, ended: Ended, at: int | None) -> str:
        """Return what the API tells of a batch. Why as if all went well where a result may not leave: whoever
        asks would learn by its failure what the function had learned (law 11)."""
        court = self._passage.court
        tells = court.mode is not Mode.ENFORCE or court.judge.result(ended.subject.principal()).passes
        return "PROBLEM: Function call failed" if at is not None and tells else "OK"

    def _wait(self, tail: Tail, lane: Lane, tries: int, owed: bool = True) -> None:
        lane.until = self._clock.now() + min(LONGEST, FIRST * 2 ** max(tries - 1, 0))
        self._clock.at(lane.until, lambda: self.due.setdefault(tail.store, ""), owed)

    async def _woken(self, tail: Tail, batch: Batch, cause: str) -> Ended:
        event = streams.event(batch.records)
        holdings = [batch.learned, *(taken.holding for taken in batch.records)]
        if tail.rules.tumbling:
            began = self._began(tail, batch.records[0])
            window = tail.windows.setdefault(began, Window({}, Holding()))
            told = (tail.stream, tail.shard, began, tail.rules.tumbling, window.state)
            event, window.cause = streams.windowed(event, *told, final=False), cause
            holdings.append(window.holding)
        return await self._run(tail, event, streams.carried(holdings), cause)

    async def _run(self, tail: Tail, event: dict[str, Any], carried: Holding, cause: str) -> Ended:
        trigger = tail.trigger
        payload = json.dumps(event, ensure_ascii=False).encode()
        causes = (way.record for way in carried.ways if way.record)
        name = f"{trigger.function}.{trigger.name}"
        who = woken(self._passage, trigger)
        return await self._wake(who, payload, carried, name, tail.store, next(causes, cause))

    async def _stays(self, tail: Tail, ended: Ended) -> bool:
        """Say whether it may show that a batch was not done with; else it counts as done (law 11)."""

        def act(command: ask.Command) -> Any:
            return None if isinstance(command, ask.Forward) else self._passage.at_once(command)

        _, verdict = await drive(outcome(self._passage.court, ended.subject, tail.store, (), True), act)
        return verdict.passes or any(reason.rule is Rule.BOOK for reason in verdict.refused)

    async def _give_up(self, tail: Tail, batch: Batch, why: str, ended: Ended | None = None) -> None:
        trigger, target = tail.trigger, tail.rules.on_failure
        if not target:
            number = counted(len(batch.records), "record")
            self._say(
                f"valve: {trigger.function}.{trigger.name} gives up {number} of "
                f"{tail.store.rpartition('/')[2]}: {why}"
            )
            return
        owner, function = self._owner(trigger), trigger.function in self._passage.stack.functions
        failed, now = ended is not None and ended.failed, self._clock.now()
        told = (tail.stream, tail.shard, owner, self._fresh(), why, batch.tries, failed, now)
        content = streams.given_up(batch.records, *told)
        if ended is not None:
            subject = ended.subject
        else:
            carried = streams.carried((batch.learned, *(taken.holding for taken in batch.records)))
            payload = json.dumps(streams.event(batch.records), ensure_ascii=False).encode()
            by = f"{trigger.function}.{trigger.name}"
            carried = self._brought(trigger.function, by, payload, carried)
            subject = Subject("", trigger.function, carried.label, {w.tag: w for w in carried.ways})
        if ":s3:" in target:
            content["payload"] = json.dumps(streams.event(batch.records))
        place = f"{trigger.properties.get('UUID', trigger.name)}/{tail.shard}"
        key = afterwards.key(place, now, self._fresh())
        request = asked(target, Parcel(json.dumps(content).encode(), key=key))
        if request is None:
            self._say(f"valve: {trigger.function}: its destination is not covered here: {target[:120]}")
        else:
            await self._delivering.send(request, subject, own=function)

    def _owner(self, trigger: Trigger) -> str:
        """Return the ARN of the function or pipe that is woken."""
        function = self._passage.stack.functions.get(trigger.function)
        return function.arn if function else str(trigger.properties["Arn"])

    # Windows

    def _in_window(self, tail: Tail, batch: Batch, ended: Ended) -> int | None:
        """Keep what a window hands on to its next invocation; an answer without it is a failure."""
        began = self._began(tail, batch.records[0])
        window = tail.windows[began]
        try:
            window.state = streams.state_of(ended.payload)
        except ValueError:
            return 0
        ends = max(began + tail.rules.tumbling, self._clock.now())
        self._clock.at(ends, lambda: self._close(tail, began))
        return None

    def _close(self, tail: Tail, began: float) -> None:
        window = tail.windows.pop(began, None)
        if window is not None:
            told = (tail.stream, tail.shard, began, tail.rules.tumbling, window.state)
            event = streams.windowed({"Records": []}, *told, final=True)
            self._start(self._run(tail, event, window.holding, window.cause))

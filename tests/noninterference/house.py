"""One run of an application: the real valve from the call to the record, with a small cloud and functions
that hang on every bit they see.

Knows how the rooms are put together, and takes down what an outsider sees. Does not know what is right.

**The outsider** stands at a level: the tags that he may see (`World.level`). He sees

- every result and error that an invocation of his ends with, and every refusal's text, ids renamed;
- every line that leaves into the log store, if that accepts no more than his level;
- every request, in order, at a host that accepts no more than his level, and every delivery to one;
- every cell, its absence, every name and figure of a store (or of a folder of one) whose ceiling is within
  his level;
- and he is every function: in an environment whose label is within his level he sees the event, what an
  earlier event left in memory, and each reply, refusal and error in order.

Of records and of the operator's terminal he sees nothing. He sees no time: every invocation lasts equally
long (`SLOT`), so that how long a labelled one really took decides nothing, and every wait ends. Who goes on
for ever is ended by Lambda's own limit, which is a result like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from types import SimpleNamespace
from typing import Any

from tests.noninterference.calls import made
from tests.noninterference.cloud import Cloud
from tests.noninterference.functions import PATH, STREAMED, Environment, Path, plain
from tests.noninterference.worlds import FUNCTIONS, OWN, REGION, World, digest
from valve_aws.aws import Aws, Keyring
from valve_aws.clock import Virtual
from valve_aws.course import commands as ask
from valve_aws.course.carry import Court
from valve_aws.course.subject import Subject
from valve_aws.flow import Judge
from valve_aws.labels import SqliteBook
from valve_aws.model.call import Call
from valve_aws.model.cell import Cell
from valve_aws.model.invocation import NOTHING_BESIDE, Beside
from valve_aws.model.ports import Outcome
from valve_aws.model.record import Record
from valve_aws.model.verdict import Way
from valve_aws.passage.driver import Passage
from valve_aws.running.housing import Housing
from valve_aws.running.invoking import Invoking
from valve_aws.settings import Settings
from valve_aws.valve import Valve
from valve_aws.waking.deferring import Deferring
from valve_aws.waking.queues import Ended, Waking

RING = Keyring(lambda n: bytes(n))
WIRE = Aws(OWN, REGION, lambda _: None, ring=RING)
WAKES = 12
"""How often one queue wakes its function: who sends to the queue that wakes him would else go on for long."""

NOBODY: Any = None
"""Who is never asked: no bytes are read, sent or signed here."""


@dataclass
class View:
    """What an outsider sees, and beside it (`all`) what really went on."""

    functions: dict[Path, list[Any]] = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    outside: list[Any] = field(default_factory=list)
    cells: list[Any] = field(default_factory=list)
    moments: list[tuple[float, Path, int, str, str]] = field(default_factory=list)
    """What the functions saw, in order: when, who, which step, all that it knows by then, how it came."""
    probes: int = 0
    all: list[Any] = field(default_factory=list)
    asked: set[tuple[str, str]] = field(default_factory=set)
    """Operations of which a call was judged by its row."""
    passed: set[tuple[str, str]] = field(default_factory=set)

    def seen(self) -> dict[str, Any]:
        """Return what is to be equal."""
        return {
            "functions": self.functions,
            "results": self.results,
            "logs": self.logs,
            "outside": self.outside,
            "cells": self.cells,
        }


class Kept(list[Record]):
    """A sink."""

    def write(self, record: Record) -> None:
        """Keep a record."""
        self.append(record)


class Through(Passage):
    """The passage, whose operator talks to the small cloud."""

    cloud_of: Callable[[], Cloud]

    async def operate(self, service: str, operation: str, params: Any) -> dict[str, Any]:
        """Answer the operator's own calls."""
        cloud = self.cloud_of()
        call = made(service, operation, params)
        assert isinstance(call, Call)
        if operation != "ReceiveMessage":
            cloud.answer(call)
            return {}
        found = cloud.receive(cloud.queue_of(params), params["MaxNumberOfMessages"])
        shown = ({"MessageId": m.ident, "ReceiptHandle": m.handle, "Body": m.body} for m in found)
        return {"Messages": list(shown)}


class Woken(Invoking):
    """Who has a function run; what a queue wakes is named by it."""

    woken: dict[str, int]

    async def for_queue(
        self,
        function: str,
        payload: bytes,
        carried: Any,
        trigger: str,
        source: str,
        cause: str,
        beside: Beside = NOTHING_BESIDE,
    ) -> Any:
        if ":lambda:" in source:  # an event that another function left
            return await super().for_queue(function, payload, carried, trigger, source, cause, beside)
        number = self.woken[source] = self.woken.get(source, 0) + 1
        if number > WAKES:
            return Ended(b"", False, Subject("", function, carried.label))
        PATH.set((f"{source.rpartition(':')[2]}#{number}",))
        return await super().for_queue(function, payload, carried, trigger, source, cause, beside)


class Run:
    """Everything of one run."""

    def __init__(self, world: World, seeds: Any) -> None:
        self.world, self.view, self.made = world, View(), 0
        self.cloud = Cloud(world.stack)
        judge = Judge(world.policy, world.stack)
        self.sink, self.book = Kept(), SqliteBook(":memory:", "g", sole=world.sole)
        self.valve = Valve(Settings(), world.stack, world.policy, (), self._say)
        idents = (f"r-{n:x}" for n in range(1 << 30))
        self.passage = Through(
            court=Court(judge, world.policy.mode, OWN, REGION),
            stack=world.stack,
            book=self.book,
            sink=self.sink,
            aws=WIRE,
            upstream=NOBODY,
            backend=NOBODY,
            invoke=lambda *asked: self.invoking.for_function(*asked),
            seen=self.valve._seen,
            ident=lambda: next(idents),
            resolve={},
            quote=NOBODY,
            ring=RING,
        )
        self.passage.cloud_of = lambda: self.cloud
        self.valve.passage, self.valve._book, self.valve._sink = self.passage, self.book, self.sink  # type: ignore[assignment]  # as it is used
        inside: Any = {name: SimpleNamespace(function=f) for name, f in world.stack.functions.items()}
        self.housing: Any = Housing(
            world.stack, Settings(), self.passage, NOBODY, self._say, lambda: 0.0, inside
        )
        self.housing._make = lambda ready, label, _=None: Environment(self, ready.function, label)
        self.housing.lines._file = SimpleNamespace(write=self._line, close=lambda: None)
        self.valve._housing = self.housing
        self.valve._invoking = self.invoking = Woken(self.housing, self.passage, self.valve.ledger, self._say)
        self.invoking.woken = {}
        # Why a time that nobody moves: an event that failed is not tried again here.
        run, brought = self.invoking.for_queue, self.invoking.brought
        deferred = (self.passage, Virtual(), run, brought, self.invoking.start, NOBODY, self._say)
        self.invoking.defer = Deferring(*deferred, lambda: "").put
        self.wakings = {queue: self._waker(queue) for queue in world.wakes}
        settled = SimpleNamespace(settled=lambda r: [w.settled(r) for w in self.wakings.values()])
        self.valve.triggering = settled  # type: ignore[assignment]  # all that is used
        seeds(self, judge)

    def _waker(self, queue: str) -> Waking:
        """Return what looks after one queue alone, so that it waits for no other's labelled work."""
        waking = Waking(self.passage, self.invoking.for_queue, self._say)
        own = {q: triggers for q, triggers in waking.triggers().items() if q == queue}
        waking.triggers = lambda: own  # type: ignore[method-assign]  # as it is used
        return waking

    def time(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()

    def _say(self, _: str) -> None:
        """Tell the operator, whom nobody here listens to."""

    def _line(self, line: bytes) -> None:
        if self.world.low(frozenset(self.world.policy.logs.accepts.patterns)):
            self.view.logs.append(plain(line.decode()))

    def note(self, environment: Environment, what: str, memory: str, shown: Any, how: str) -> None:
        """Take down what a function that is the outsider has seen."""
        self.view.probes += how == "probe"
        if self.world.low(environment.subject.label):
            seen = self.view.functions.setdefault(environment.path, [])
            self.view.moments.append((self.time(), environment.path, len(seen), memory, how))
            seen.append((what, memory, shown))

    def beyond(self, store: str) -> bool:
        """Say whether more may be in a store than the outsider may see; a queue also by what it wakes."""
        queue = next((q for q in self.world.wakes if store.startswith(f"{q.rpartition(':')[2]}#")), store)
        rule = self.world.rule(queue)
        folders = [c.key[""] for c in rule.cells] if rule else []
        return any(not self.world.low(self.world.ceiling(queue, name)) for name in ("", *folders))

    async def play(self) -> View:
        """Invoke what the operator invokes, let queues wake functions, and wait for the end of it all."""
        results = [self._operator(n, *event) for n, event in enumerate(self.world.events)]
        polls = [self._polls(queue) for queue in self.world.wakes]
        await asyncio.gather(*results, *polls)
        while self.invoking.background:
            await asyncio.wait(set(self.invoking.background))
        await self.housing.close()
        self._final()
        self.book.close()
        return self.view

    async def _operator(self, number: int, function: str, trigger: str) -> None:
        await asyncio.sleep(1 + number * 900)
        PATH.set((f"o{number}",))
        carried = self.world.carried(trigger)
        secret = "" if self.world.low(carried) else self.told
        finished = await self.valve.invoke(function, f'{{"n": {number}, "s": "{secret}"}}'.encode(), trigger)
        rules = self.world.policy.results
        name = next((n for n in (trigger, function) if n in rules), "default")
        if self.world.low(frozenset(rules[name].patterns)):
            self.view.results.append((number, plain(finished.payload.decode()), finished.failed))

    told = ""
    """What the labelled events carry."""

    async def _polls(self, queue: str) -> None:
        """Look after one queue."""
        for turn in range(4):
            await asyncio.sleep(max(0.0, 2300 * (turn + 1) - self.time()))
            await self.wakings[queue].turn()

    async def forward(self, environment: Environment, command: ask.Forward, beside: int) -> ask.Reply:
        """Let the cloud, another host or another function answer."""
        call, path, step = command.call, environment.path, environment.step
        if (
            call.service == "lambda"
            and call.operation == "Invoke"
            and self.passage.ours(call)
            and "Payload" in call.params
        ):
            return await self._hand_over(environment, command)
        luck = Random(digest("luck", *path, step, beside)).random()
        streamed = call.params.get("Body") == STREAMED
        await asyncio.sleep(0.3 if streamed else 0.05 if beside else 0.15)
        if streamed:
            call = replace(call, params={**call.params, "Body": environment.memory})
        if luck < 0.03:
            raise ask.Lost(Outcome.UNKNOWN if luck < 0.015 else Outcome.FAILED, "gone")
        if call.operation == "Resolve":
            return ask.Reply(200, Outcome.DONE, body="an address inside")
        if call.service == "valve":
            if self.world.low(self.world.ceiling(call.resources[0])):
                self.view.outside.append((call.operation, call.resources))
            return ask.Reply(200, Outcome.DONE, body="200")
        done = self.cloud.answer(call)
        return ask.Reply(
            200 if done.outcome is Outcome.DONE else 400,
            done.outcome,
            done.versions,
            done.created,
            done.removed,
            done.seen,
            body=done.shown,
        )

    async def _hand_over(self, environment: Environment, command: ask.Forward) -> ask.Reply:
        """Invoke as `crossing` does."""
        call = command.call
        waits = call.params.get("InvocationType") != "Event"
        event = Cell(call.resources[0], "event")
        sent = tuple(Way(way.tag, event, record=command.record) for way in command.ways)
        before = PATH.set((*environment.path, f"{environment.step}"))
        try:
            done = await self.passage.invoke(
                call.resources[0],
                str(call.params["Payload"]).encode(),
                waits,
                command.carries,
                sent,
                command.record,
                Beside(),
            )
        finally:
            PATH.reset(before)
        if not waits:
            return ask.Reply(202, Outcome.DONE, body="202")
        shown = (done.error, plain(done.payload.decode("utf-8", "replace")))
        return ask.Reply(200, Outcome.DONE, carries=done.label, ways=done.ways, body=shown)

    def _final(self) -> None:
        """Look at every store as an outsider may."""
        world, cloud, cells = self.world, self.cloud, self.view.cells
        for store, held in (*cloud.objects.items(), *cloud.tables.items.items()):
            cells += [
                (store, k, sorted(v.items()))
                for k, v in sorted(held.items())
                if world.low(world.ceiling(store, k))
            ]
        for bucket, uploads in cloud.uploads.items():
            cells += [
                (bucket, key, sorted(v.items()))
                for (key, _), v in uploads.items()
                if world.low(world.ceiling(bucket, key))
            ]
        for queue, messages in cloud.queues.items():
            if world.low(world.ceiling(queue)):
                cells.append((queue, [(plain(m.body), m.received, m.hidden) for m in messages]))
        for (store, part, name), value in sorted(cloud.others.items()):
            # Why not a function's: what is handed over there is an event, which is looked at as one.
            if store not in FUNCTIONS.values() and world.low(world.ceiling(store, name, part)):
                cells.append((store, str(part), plain(name), value))
        self.view.outside += [heard for heard in cloud.heard if world.low(world.ceiling(heard[0]))]

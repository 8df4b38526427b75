"""The valve of one account and region of a LocalStack: its functions are LocalStack's, and come and go.

Knows how an event that LocalStack delivers is let in, and how its outcome leaves again. Does not know
LocalStack's classes; they hand over versions and arrivals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from valve_aws import runtime
from valve_aws.course.commands import Command, Forward
from valve_aws.course.drive import drive
from valve_aws.course.release import outcome
from valve_aws.course.subject import Subject
from valve_aws.localstack import arrival as arrivals
from valve_aws.localstack.arrival import Arrival, Taken, Unrecognised
from valve_aws.localstack.marks import BOOKED, Marks
from valve_aws.localstack.origins import Origins, both
from valve_aws.model.call import Evidence
from valve_aws.model.invocation import Beside
from valve_aws.model.label import CLEAN
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.record import Record
from valve_aws.model.stack import Function, Stack
from valve_aws.model.verdict import Holding, Mode, Rule, Verdict
from valve_aws.passage.releasing import released
from valve_aws.running.housing import Run
from valve_aws.running.quoting import Quoting
from valve_aws.settings import Settings
from valve_aws.valve import Valve

Say = Callable[[str], None]

LINES = 10_000
"""Lines of one environment's log that are kept until LocalStack takes them."""

NOTHING = b"null"


@dataclass(frozen=True, slots=True)
class Served:
    """What an invocation came to, as LocalStack may have it."""

    payload: bytes
    failed: bool
    lines: tuple[str, ...] = ()
    withheld: bool = False
    """Nobody may be told of it: neither its destinations nor a dead letter queue."""


@dataclass(frozen=True, slots=True)
class Door:
    """How one event comes in and whom its outcome goes to."""

    trigger: str
    source: str
    cause: str = ""
    mark: str = ""
    waits: bool = False
    """Another function of ours waits for the result."""


@dataclass(frozen=True, slots=True)
class Part:
    """Records of one batch that are served together."""

    payload: bytes
    carried: Holding
    names: tuple[str, ...]
    first: bool
    """It has the request id of the batch."""


class Named(Quoting):
    """Lines of source by their function: its folder is LocalStack's own, and named by chance."""

    def quote(self, function: str, file: str, line: int) -> Evidence:
        """See `Quoting`."""
        told = super().quote(function, file, line)
        return replace(told, file=f"{function}/{file.removeprefix('/var/task/')}") if told.text else told


class Front(Valve):
    """`open` it, `learn` what there is, `serve`; on one loop."""

    quoting = Named

    def __init__(self, settings: Settings, stack: Stack, flow: FlowPolicy, say: Say, marks: Marks) -> None:
        """`marks` are those of all fronts of a LocalStack: a call may lead from one to another."""
        super().__init__(settings, stack, flow, (), say)
        self.marks = marks
        self._lines: dict[str, list[str]] = {}

    async def open(self) -> None:
        """See `Valve.open`."""
        await super().open()
        self.passage.relay = self.marks
        self.origins = Origins(self.passage, self.marks)
        self._housing.lines.leaving = self._leaves

    async def forget(self, function: Function) -> None:
        """End the environments of a version that is no more."""
        await self._housing.forget(self._called(function).key)

    def _called(self, function: Function) -> Function:
        """Return a function by the name that the policy has for it, which CloudFormation may have given."""
        named = next((f.logical for f in self.stack.functions.values() if f.name == function.name), "")
        return replace(function, logical=named or function.logical)

    # Serving

    async def serve(self, function: Function, came: Arrival) -> Served:
        """Let one event in, have it served, and return what of it may leave (laws 1, 11, 13)."""
        function = self._called(function)
        source, records, wrong = self._taken(came)
        mark, sent = self.marks.known(came.trace)
        if sent is not None:
            carried = both(await self.origins.carried(records), sent.carried)
            door = Door("", function.arn, sent.record, mark, sent.waits and not came.asynchronous)
            return await self._one(function, came, carried, door)
        polled = came.internal and not came.principal and source in arrivals.POLLED
        if polled and not wrong and self.origins.wired(function, records[0].store):
            return await self._polled(function, came, source, records)
        if came.internal and arrivals.OF_PRINCIPAL.get(came.principal, source) != source:
            wrong = wrong or f"an event of `{came.principal}` that is none"
        if wrong:
            self._say(f"valve: {function.logical}: {wrong}: what it carries cannot be told")
        carried = both(
            await self.origins.carried(records),
            await self.origins.beside(function, came),
            Holding(CLEAN, not wrong),
        )
        store = records[0].store if records else ""
        return await self._one(
            function, came, carried, Door(self._trigger(function, store), store or "operator")
        )

    def _taken(self, came: Arrival) -> tuple[str, tuple[Taken, ...], str]:
        try:
            stack = self.stack
            return *arrivals.taken(came.payload, self.tables, stack.region, stack.account), ""
        except Unrecognised as wrong:
            return "", (), str(wrong)

    def _trigger(self, function: Function, store: str) -> str:
        """Return which of a function's triggers an event came by: that of its store, else the bare Invoke."""
        named = self.stack.functions[function.logical].triggers
        found = next((t.name for t in named if store and t.source == store), DIRECT)
        return f"{function.logical}.{found}"

    async def _one(self, function: Function, came: Arrival, carried: Holding, door: Door) -> Served:
        """Serve an event whole, and let its outcome go to whom it is for."""
        run = await self._started(function, came, came.payload, carried, door)
        lines = self._taken_lines(run)
        if door.waits:
            self.marks.learned(door.mark, Holding(run.label, True, run.ways))
        if self.mode is Mode.OFF or door.waits:
            return Served(run.payload, run.failed, lines)
        if not carried.complete and self.mode is Mode.ENFORCE:
            # Why nobody is told: whether a destination or a dead letter queue may have the event is not known
            # either. An event of which it is forgotten who asked for it is one that nobody waits for.
            return Served(run.payload, came.seen and not came.asynchronous, lines, True)
        unnamed = came.internal and not came.principal and not came.asynchronous
        places = self.origins.askers(function, came) if unnamed else self._destinations(function, came)
        refused = await self._refused(function, run, carried, places)
        if refused:
            return Served(runtime.faults.refused("Valve.ResultRefused", refused), unnamed, lines, True)
        if came.asynchronous:
            self.origins.ended(came.ident, Holding(run.label, True, run.ways))
            return Served(run.payload, run.failed, lines)
        if run.subject is None or (unnamed and places):
            return Served(run.payload, run.failed, lines)
        ident, leaves = await released(self.passage, run.subject, run.payload)
        if leaves is None:
            return Served(runtime.faults.refused("Valve.ResultRefused", ident), True, lines)
        return Served(leaves, run.failed, lines)

    def _destinations(self, function: Function, came: Arrival) -> list[str]:
        """Return who may be told of the outcome of an event: nobody, if somebody waits for it."""
        told = came.asynchronous or not came.seen
        return [d.target for d in self.stack.deliveries if d.source == function.arn] if told else []

    async def _started(
        self,
        function: Function,
        came: Arrival,
        payload: bytes,
        carried: Holding,
        door: Door,
        first: bool = True,
    ) -> Run:
        if self.ledger.looping(door.cause):
            return Run(runtime.faults.recursion(), True, carried.label, carried.ways, None)
        beside = Beside(ident=came.ident if first else "", arn=came.arn)
        fields = self._fields(payload, door)
        return await self._housing.run(
            function, payload, carried, door.trigger, fields, door.source, door.cause, beside
        )

    def _fields(self, payload: bytes, door: Door) -> Mapping[str, str]:
        from valve_aws import application

        return application.fields(payload) if door.trigger in self.policy.events else {}

    async def _refused(self, function: Function, run: Run, carried: Holding, places: Sequence[str]) -> str:
        """Judge an outcome before it goes to any of `places` (law 11); return the record that refuses it."""
        subject = _who(function, run, carried)
        refused = ""
        for place in dict.fromkeys(places):
            if ":lambda:" in place:
                continue  # Why: a function is told by an event, which is judged when it comes in
            ident, verdict = await self._outcome(subject, place, ("",), True)
            refused = refused or ("" if verdict.passes else ident)
            if verdict.passes and place.split(":")[2:3] not in FOLLOWED:
                self.marks.adrift |= run.label
        return refused

    # Batches

    async def _polled(
        self, function: Function, came: Arrival, source: str, records: tuple[Taken, ...]
    ) -> Served:
        """Serve a batch; of a source without an order each label apart, each part failing alone (law 13)."""
        beside = await self.origins.beside(function, came)
        carried = [both(await self.origins.carried((record,)), beside) for record in records]
        whole = source not in arrivals.SPLIT or records[0].store.endswith(".fifo")
        groups: dict[Any, list[int]] = {}
        for i, each in enumerate(carried):
            groups.setdefault(None if whole else each.label, []).append(i)
        payloads = arrivals.parts(came.payload, groups.values()) if len(groups) > 1 else [came.payload]
        parts = [
            Part(payload, both(*(carried[i] for i in group)), tuple(records[i].ident for i in group), n == 0)
            for n, (payload, group) in enumerate(zip(payloads, groups.values(), strict=True))
        ]
        store, reports = records[0].store, self._reports(function, records[0].store)
        ended = await asyncio.gather(*(self._part(function, came, store, part, reports) for part in parts))
        lines = tuple(line for _, _, more in ended for line in more)
        if reports:
            return Served(
                arrivals.failures([ident for names, _, _ in ended for ident in names]), False, lines
            )
        failed = next((payload for names, payload, _ in ended if names), None)
        return Served(NOTHING if failed is None else failed, failed is not None, lines)

    async def _part(
        self, function: Function, came: Arrival, store: str, part: Part, reports: bool
    ) -> tuple[Sequence[str], bytes, tuple[str, ...]]:
        """Return (what was not done with, the error that says so, lines)."""
        door = Door(self._trigger(function, store), store, _cause(part.carried))
        run = await self._started(function, came, part.payload, part.carried, door, part.first)
        lines = self._taken_lines(run)
        undone = arrivals.undone(run.payload, part.names, run.failed, reports)
        if self.mode is Mode.OFF:
            return undone, run.payload, lines
        subject, kept = _who(function, run, part.carried), part.names if ":sqs:" in store else ()
        # Why those too: what failed is moved there, or told there.
        onward = [d.target for d in self.stack.deliveries if d.source == store and ":lambda:" not in d.target]
        judged = [await self._outcome(subject, store, kept, bool(undone))]
        judged += [
            await self._outcome(subject, place, ("",), bool(undone)) for place in dict.fromkeys(onward)
        ]
        if any(reason.rule is Rule.BOOK for _, verdict in judged for reason in verdict.refused):
            return part.names, runtime.faults.unavailable(), lines  # Why: as if it had not been served
        # Why as done: which records come again may tell nothing of what was learned (law 11).
        return (undone if all(verdict.passes for _, verdict in judged) else ()), run.payload, lines

    def _reports(self, function: Function, store: str) -> bool:
        """Say whether some mapping of that source takes reports of single records."""
        return any(
            "ReportBatchItemFailures" in (t.properties.get("FunctionResponseTypes") or ())
            for t in self.stack.functions[function.logical].triggers
            if t.source == store
        )

    async def _outcome(
        self, subject: Subject, place: str, names: Iterable[str], undone: bool
    ) -> tuple[str, Verdict]:
        """Judge what an outcome decides at `place`. LocalStack carries it out once we have answered."""

        def act(command: Command) -> Any:
            return None if isinstance(command, Forward) else self.passage.at_once(command)

        return await drive(outcome(self.passage.court, subject, place, names, undone), act)

    def _seen(self, record: Record) -> None:
        super()._seen(record)
        if record.verdict == "settled":
            self.marks.settled(record.ident)
            self.origins.settled.set()

    # Logs

    def _leaves(self, subject: Subject, line: str) -> None:
        kept = self._lines.setdefault(subject.environment, [])
        if len(kept) < LINES:
            kept.append(line)

    def _taken_lines(self, run: Run) -> tuple[str, ...]:
        return tuple(self._lines.pop(run.subject.environment, ())) if run.subject else ()

    @property
    def _home(self) -> Path:
        assert self.settings.audit is not None
        return self.settings.audit.parent


FOLLOWED = [[service] for service in (*BOOKED, "states")]
"""Services, by the name in their ARNs, of destinations whose way is followed further."""

DIRECT = "Invoke"
"""The event of every function that no trigger has: somebody invokes it."""


def _cause(holding: Holding) -> str:
    """Return the call that something comes of, as far as the ways of its labels tell."""
    return next((way.record for way in holding.ways if way.record), "")


def _who(function: Function, run: Run, carried: Holding) -> Subject:
    """Return who knows how a run ended. Why a copy: the environment may be at its next event already."""
    who = run.subject or Subject("", function.logical, carried.label)
    return replace(who, label=run.label, ways={way.tag: way for way in run.ways}, outgoing={})

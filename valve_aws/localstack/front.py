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
from valve_aws import template as templates
from valve_aws.cloud import secrets
from valve_aws.course.carry import Court
from valve_aws.course.commands import Command, Forward
from valve_aws.course.drive import drive
from valve_aws.course.release import outcome
from valve_aws.course.subject import Subject
from valve_aws.housing import Run, ready
from valve_aws.localstack import arrival as arrivals
from valve_aws.localstack import host
from valve_aws.localstack.arrival import Arrival, Taken, Unrecognised
from valve_aws.localstack.marks import Marks
from valve_aws.model.call import Evidence
from valve_aws.model.cell import Extent, Span
from valve_aws.model.invocation import Beside
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.record import Record
from valve_aws.model.stack import Function, Stack
from valve_aws.model.verdict import Holding, Mode, Rule
from valve_aws.quoting import Quoting
from valve_aws.releasing import released
from valve_aws.settings import Settings
from valve_aws.valve import Valve

Say = Callable[[str], None]

PATIENCE = 2.0
"""Seconds to wait until a write that may be what has arrived is settled in the book; then the cell counts as
not recognised."""

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


class Named(Quoting):
    """Lines of source by their function: its folder is LocalStack's own, and named by chance."""

    def quote(self, function: str, file: str, line: int) -> Evidence:
        """See `Quoting`."""
        told = super().quote(function, file, line)
        return replace(told, file=f"{function}/{file.removeprefix('/var/task/')}") if told.text else told


class Front(Valve):
    """`open` it, `learn` what there is, `serve`; on one loop."""

    quoting = Named

    def __init__(self, settings: Settings, stack: Stack, flow: FlowPolicy, say: Say) -> None:
        super().__init__(settings, stack, flow, (), say)
        self._lines: dict[str, list[str]] = {}
        self._settled = asyncio.Event()

    async def open(self) -> None:
        """See `Valve.open`."""
        await super().open()
        self.marks = self.passage.relay = Marks(host.chance, host.now)
        self._housing.lines.leaving = self._leaves

    def learn(self, stack: Stack, flow: FlowPolicy) -> None:
        """Take the application as it is now; what is under way goes on under the new one."""
        self.stack, self.policy = stack, flow
        self.mode = Mode(self.settings.mode) if self.settings.mode else flow.mode
        self.ledger.stack, self.ledger.mode = stack, self.mode
        self.passage.stack = stack
        self._schemas = templates.schema(stack)
        self.passage.aws.know(secrets(stack, flow, ()))
        judge = self._judge(flow, stack)
        self.passage.court = Court(judge, self.mode, stack.account, stack.region)

    def prepare_version(self, function: Function) -> None:
        """See that a version can be run. Blocking. Raises `Invalid`."""
        ready(function, self.settings, self._say)

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
        if sent is None and came.internal and source in arrivals.POLLED and not wrong:
            return await self._polled(function, came, source, records)
        carried = await self._carried(records)
        if sent is not None:
            carried = _both(carried, sent.carried)
            door = Door("", function.arn, sent.record, mark, sent.waits and not came.asynchronous)
        else:
            carried = _both(carried, Holding(self.marks.adrift, not wrong))
            store = records[0].store if records else ""
            door = Door(self._trigger(function, store), store or "operator")
        if wrong:
            self._say(f"valve: {function.logical}: {wrong}: what it carries cannot be told")
        return await self._one(function, came, carried, door)

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
        if door.mark:
            self.marks.learned(door.mark, Holding(run.label, True, run.ways))
        if self.mode is Mode.OFF or door.waits:
            return Served(run.payload, run.failed, lines)
        if came.asynchronous:
            return await self._told(function, run, carried, lines)
        if run.subject is None:
            return Served(run.payload, True, lines)
        ident, leaves = await released(self.passage, run.subject, run.payload)
        if leaves is None:
            refused = runtime.faults.refused("Valve.ResultRefused", ident)
            return Served(refused, True, lines)
        return Served(leaves, run.failed, lines)

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

    async def _told(self, function: Function, run: Run, carried: Holding, lines: tuple[str, ...]) -> Served:
        """Let the outcome of an event that nobody waits for go to the function's destinations (law 11)."""
        subject = run.subject or Subject(
            "", function.logical, carried.label, {w.tag: w for w in carried.ways}
        )
        # Why a copy: the environment itself may be at its next event already.
        subject = replace(subject, label=run.label, ways={w.tag: w for w in run.ways}, outgoing={})
        places = [d.target for d in self.stack.deliveries if d.source == function.arn]
        refused = ""
        for place in dict.fromkeys(places):
            ident, passes = await self._outcome(subject, place, ("",), True, None)
            refused = refused or ("" if passes else ident)
        if refused:
            return Served(runtime.faults.refused("Valve.ResultRefused", refused), False, lines, True)
        return Served(run.payload, run.failed, lines)

    # Batches

    async def _polled(
        self, function: Function, came: Arrival, source: str, records: tuple[Taken, ...]
    ) -> Served:
        """Serve a batch; of a source without an order each label apart, each part failing alone (law 13)."""
        carried = [await self._carried((record,)) for record in records]
        whole = source not in arrivals.SPLIT or records[0].store.endswith(".fifo")
        groups: dict[Any, list[int]] = {}
        for i, each in enumerate(carried):
            groups.setdefault(None if whole else each.label, []).append(i)
        payloads = arrivals.parts(came.payload, iter(groups.values()))
        if len(groups) == 1:
            payloads = [came.payload]
        door = Door(self._trigger(function, records[0].store), records[0].store)
        reports = self._reports(function, records[0].store)
        ended = await asyncio.gather(
            *(
                self._part(
                    function,
                    came,
                    payload,
                    _both(*(carried[i] for i in group)),
                    replace(door, cause=_cause(carried[i] for i in group)),
                    [records[i].ident for i in group],
                    (reports, n == 0),
                )
                for n, (payload, group) in enumerate(zip(payloads, groups.values(), strict=True))
            )
        )
        lines = tuple(line for _, _, more in ended for line in more)
        undone = [ident for names, _, _ in ended for ident in names]
        if reports:
            return Served(arrivals.failures(undone), False, lines)
        failed = next((payload for names, payload, _ in ended if names), None)
        return Served(NOTHING if failed is None else failed, failed is not None, lines)

    async def _part(
        self,
        function: Function,
        came: Arrival,
        payload: bytes,
        carried: Holding,
        door: Door,
        names: Sequence[str],
        how: tuple[bool, bool],
    ) -> tuple[Sequence[str], bytes, tuple[str, ...]]:
        """Return (what was not done with, the error that says so, lines)."""
        reports, first = how
        run = await self._started(function, came, payload, carried, door, first)
        lines = self._taken_lines(run)
        undone = arrivals.undone(run.payload, names, run.failed, reports)
        if self.mode is Mode.OFF:
            return undone, run.payload, lines
        subject = run.subject or Subject("", function.logical, carried.label)
        subject = replace(subject, label=run.label, ways={w.tag: w for w in run.ways}, outgoing={})
        kept = names if door.source.split(":")[2] == "sqs" else ()
        _, passes = await self._outcome(subject, door.source, kept, bool(undone), None)
        # Why as done: which records come again may tell nothing of what was learned (law 11).
        return (undone if passes else ()), run.payload, lines

    def _reports(self, function: Function, store: str) -> bool:
        """Say whether some mapping of that source takes reports of single records."""
        return any(
            "ReportBatchItemFailures" in (t.properties.get("FunctionResponseTypes") or ())
            for t in self.stack.functions[function.logical].triggers
            if t.source == store
        )

    async def _outcome(
        self, subject: Subject, place: str, names: Iterable[str], undone: bool, _: None
    ) -> tuple[str, bool]:
        """Judge what an outcome decides at `place`. LocalStack carries it out once we have answered."""

        def act(command: Command) -> Any:
            return None if isinstance(command, Forward) else self.passage.at_once(command)

        ident, verdict = await drive(outcome(self.passage.court, subject, place, names, undone), act)
        # Why: a book that does not answer is told, and takes nothing away.
        return ident, verdict.passes or any(reason.rule is Rule.BOOK for reason in verdict.refused)

    # Labels of what arrives

    async def _carried(self, records: Sequence[Taken]) -> Holding:
        """Return what records carry, joined; a cell that the book does not know has its store's ceiling."""
        if self.mode is Mode.OFF:
            return Holding()
        found = [await self._held(extent) for record in records for extent in record.extents]
        return _both(*found)

    async def _held(self, extent: Extent) -> Holding:
        """Look a cell up, with all that it was before: a record may show an older image.

        Why not at once: what arrives may be faster than the answer to the call that has sent it, which names
        it.
        """
        book, ends = self.passage.book, host.tick() + PATIENCE
        while True:
            holding = next(iter(book.held([extent], 0).values()))
            busy = any(extent.store in stores for stores in self.marks.sending.values())
            left = ends - host.tick()
            if holding.complete or extent.span is not Span.ONE or not busy or left <= 0:
                return self.passage.court.judge.carried(extent, holding)
            self._settled.clear()
            try:
                await asyncio.wait_for(self._settled.wait(), min(left, 0.1))
            except TimeoutError:
                continue

    def _seen(self, record: Record) -> None:
        super()._seen(record)
        if record.verdict == "settled":
            self.marks.sending.pop(record.ident, None)
            self._settled.set()

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


DIRECT = "Invoke"
"""The event of every function that no trigger has: somebody invokes it."""


def _both(*holdings: Holding) -> Holding:
    label = frozenset().union(*(h.label for h in holdings))
    ways = {way.tag: way for h in reversed(holdings) for way in h.ways}
    return Holding(label, all(h.complete for h in holdings), tuple(ways[tag] for tag in sorted(ways)))


def _cause(holdings: Iterable[Holding]) -> str:
    return next((way.record for h in holdings for way in h.ways if way.record), "")

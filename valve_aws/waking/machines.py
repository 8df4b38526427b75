"""State machines: their executions run in the embedded cloud, and ask here for whatever they call.

Knows which execution asks, and what it carries: its input, what its tasks were answered, what was handed to
it meanwhile. Does not know a step of any machine; what an execution passes on is judged by its label
(law 11), and by the walls before all that leaves this stack.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote

from valve_aws import sandbox
from valve_aws.aws import names
from valve_aws.aws.rows.states import machine as machine_of
from valve_aws.course import commands as ask
from valve_aws.course.drive import drive
from valve_aws.course.release import outcome
from valve_aws.course.subject import Subject
from valve_aws.model.call import Evidence
from valve_aws.model.cell import Cell, Extent, Part, Span, one
from valve_aws.model.label import Label
from valve_aws.model.plan import Listeners
from valve_aws.model.ports import Outcome, Rise
from valve_aws.model.safe import plain
from valve_aws.model.source import NOWHERE
from valve_aws.model.stack import Resource
from valve_aws.model.verdict import Holding, Mode, Way
from valve_aws.passage.crossing import Crossing, asked_of_aws
from valve_aws.passage.driver import Passage
from valve_aws.proxy import Dial, Exchange, Server

EXECUTION, ENDED, CAUSE = "x-valve-execution", "x-valve-ended", "x-valve-cause"
"""Headers of the embedded cloud's own (`backend/machines.py`); an execution is written as in a URL."""

TURN = 0.05
"""Seconds that they are waited for at a time, as what they wait for may be something else that is due."""

NAMED = re.compile(r"arn:[^:]+:states:[^:]+:\d{12}:execution:[^:/]{1,80}:[^:/]{1,80}")
"""An execution's ARN (IAM service authorization reference, Step Functions)."""

PATIENCE = 2.0
"""Seconds until the answer to a call that has started an execution must be here; then the execution carries
all that any of its machine's may."""

SOON, IDLE = 1.0, 10.0
"""Seconds without a word from any execution until somebody who waits for them is told so, and until he does
not wait any more: they wait themselves, for a time or for somebody."""

KEPT = 10_000
"""Executions whose labels are remembered apart; of one that is forgotten it is that of its machine."""


@dataclass(slots=True)
class Execution:
    """One execution's standing."""

    subject: Subject
    kept: Label
    """What the book has of what it carries."""
    shown: Label
    """What the book has of what its standing shows."""


class Machines:
    """The executions of one run. On one loop."""

    def __init__(self, passage: Passage, say: Callable[[str], None]) -> None:
        self._passage, self._say = passage, say
        self._executions: OrderedDict[str, asyncio.Future[Execution]] = OrderedDict()
        self._began: OrderedDict[str, tuple[Holding, str]] = OrderedDict()
        self._over: OrderedDict[str, tuple[str, str]] = OrderedDict()
        """Executions that had ended before the call was answered that has started them: how, and of what."""
        self.running: dict[str, float] = {}
        """Executions under way that do not wait themselves → when they were last heard of, in the loop's
        time."""
        self._waiting: set[str] = set()
        self._patient = False
        """Whether it was told that they are waited for."""
        self._news = asyncio.Event()
        self._server: Server | None = None
        self._key = passage.ring.issue("execution", "execution")

    async def address(self) -> str:
        """Listen, if nobody does yet, and return where executions ask."""
        if self._server is None:
            mine, spare = sandbox.loopback_listeners().tcp
            spare.close()
            self._port = mine.getsockname()[1]
            told = Listeners((mine,), (), all_ports=False)
            self._server = await Server.open(told, "execution", None, self.request, self._dial, self._name)
        return f"http://127.0.0.1:{self._port}"

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            await self._server.close()

    def forget(self) -> None:
        """Forget every execution."""
        for kept in (self._executions, self._began, self._over, self.running, self._waiting):
            kept.clear()

    def doubt(self) -> None:
        """Take it that nobody knows what any execution carries."""
        self._executions.clear()
        self._began.clear()

    def happened(self, command: ask.Forward, execution: str) -> None:
        """Take note of an execution that a call has started, with all that the call carries. One whose name
        AWS would not take is nobody's: what it asks for is not answered."""
        if not NAMED.fullmatch(execution):
            return
        cell = Cell(machine_of(execution), _name_of(execution))
        where = {way.tag: way.where for way in command.ways}
        ways = tuple(
            Way(tag, cell, where.get(tag, NOWHERE), command.record) for tag in sorted(command.carries)
        )
        self._began[execution] = Holding(command.carries, True, ways), command.record
        bounded(self._began)
        if execution in self._over:
            self._tell(execution, *self._over.pop(execution))
        else:
            self.running[execution] = asyncio.get_running_loop().time()
        self._news.set()

    async def turn(self) -> None:
        """Wait a moment for the executions that are under way; give those up that have been silent for too
        long."""
        quiet = asyncio.get_running_loop().time() - max(self.running.values())
        if quiet >= IDLE:
            self._say(f"valve: not waited for any longer: {self._named()}")
            self._waiting |= self.running.keys()
            self.running.clear()
            self._patient = False
            return
        if quiet >= SOON and not self._patient:
            self._patient = True
            self._say(f"valve: waiting {IDLE:.0f} s for {self._named()}")
        await self._told(TURN)

    def _named(self) -> str:
        return ", ".join(_title(execution) for execution in list(self.running)[:5])

    async def _told(self, longest: float) -> None:
        self._news.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), longest)

    async def request(self, exchange: Exchange) -> None:
        """Take one request of an execution through."""
        head = exchange.head
        execution, ended = unquote(head.header(EXECUTION) or ""), head.header(ENDED)
        if ended is not None:
            await exchange.respond(204, (), b"")
            self._ended(execution, ended, unquote(head.header(CAUSE) or ""))
            return
        if not NAMED.fullmatch(execution):
            await exchange.respond(403, (), b"")
            return
        under_way = execution in self.running or execution in self._waiting
        if under_way:
            self._waiting.discard(execution)
            self.running[execution] = float("inf")  # Why: a task may take as long as it is let
        try:
            found = await self._execution(execution)
            step = partial(_Step, self, execution, found)
            await asked_of_aws(self._mine(), found.subject, self._key, exchange, step)
        finally:
            if under_way and execution in self.running:
                self.running[execution] = asyncio.get_running_loop().time()
                self._news.set()

    async def _dial(self, connection: Dial) -> None:
        """Leave alone what is not HTTP."""

    async def _name(self, name: str, kind: str) -> bool:
        return False

    def _mine(self) -> Passage:
        """Return the passage with the judgement of what executions ask for."""
        court = replace(self._passage.court, judge=self._passage.court.judge.machine())
        return replace(self._passage, court=court, quote=lambda *_: Evidence())

    async def _execution(self, execution: str) -> Execution:
        """Return the standing of an execution, with what has been handed to it by now."""
        if execution not in self._executions:
            self._executions[execution] = asyncio.ensure_future(self._begun(execution))
            bounded(self._executions)
        found = await asyncio.shield(self._executions[execution])
        handed = self._held(self._handed(execution))
        found.subject.take(handed.label, handed.ways)
        return found

    async def _begun(self, execution: str) -> Execution:
        """Return an execution at its beginning. Why it may have to be waited for: it runs before the call
        that has started it is answered, and that answer has its name."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while execution not in self._began and (left := end - loop.time()) > 0:
            await self._told(left)
        machine = machine_of(execution)
        known, cause = self._began.pop(execution, (Holding(complete=False), ""))
        extent = one(machine, _name_of(execution)) if known.complete else Extent(machine)
        held = self._held([extent], known.complete)
        ways = {way.tag: way for way in (*held.ways, *known.ways)}
        label = held.label | known.label
        return Execution(Subject("", self._logical(machine), label, ways, cause=cause), label, label)

    def _logical(self, machine: str) -> str:
        """Return a machine's logical id; of one that the stack does not have, what no function is called."""
        found = self._passage.stack.by_arn().get(machine)
        return found.logical if found is not None else machine

    def _handed(self, execution: str) -> list[Extent]:
        """Return where things are put that an execution may have been handed since it began: its own cell,
        and, as a task's token does not say its machine, that of all machines."""
        return [
            one(machine_of(execution), _name_of(execution)),
            Extent(self._all(), Part.CONTENT, Span.ALL),
        ]

    def _all(self) -> str:
        """Return what stands for all machines."""
        court = self._passage.court
        return names.account(names.Place(court.account, court.region), "states")

    def _held(self, extents: list[Extent], complete: bool = True) -> Holding:
        """Return what is in some extents. Why mostly complete: what is not in the book under that name was
        brought by the call that has started it; the tags of a machine have no field that could be empty."""
        court = self._passage.court
        if court.mode is Mode.OFF:
            return Holding()
        found = self._passage.book.held(extents)
        carried = [court.judge.carried(each, replace(found[each], complete=complete)) for each in extents]
        label = frozenset().union(*(each.label for each in carried))
        return Holding(label, True, tuple(way for each in carried for way in each.ways))

    async def keep(self, execution: str, found: Execution) -> tuple[str, bool]:
        """Let the book know that an execution carries what it has learned, before it does: whoever reads of
        it learns that too. Return (record, whether the machine's store may hold it)."""
        label, passage = found.subject.label, self._mine()
        if label <= found.kept or passage.court.mode is Mode.OFF:
            return "", True

        def act(command: ask.Command) -> Any:
            return None if isinstance(command, ask.Forward) else passage.at_once(command)

        who = replace(found.subject, outgoing={})
        told = outcome(passage.court, who, machine_of(execution), (_name_of(execution),), True)
        ident, verdict = await drive(told, act)
        if verdict.passes:
            found.kept |= label
        return ident, verdict.passes

    def show(self, execution: str, found: Execution, refused: bool) -> None:
        """Let the book know what the standing of an execution shows from now on: to whoever has a token of
        it, whether it still waits; and where it is refused something, to whoever looks at it, how it goes on.

        Why not judged: nothing is put there. Whoever looks is tainted, also by what no store there accepts.
        """
        passage, label = self._passage, found.subject.label
        if passage.court.mode is Mode.OFF or label <= found.shown:
            return
        machine = machine_of(execution)
        where = [Extent(self._all(), Part.NAMES, Span.ONE)] if self._asks(machine) else []
        if refused:
            parts = (Part.NAMES, Part.COUNTS)
            where += [one(machine, _name_of(execution)), *(Extent(machine, part, Span.ONE) for part in parts)]
        ways = tuple(found.subject.ways.values())
        ident, _ = passage.at_once(ask.Begin())
        rises = [Rise(extent, label, ways) for extent in where]
        passage.at_once(ask.Raise(ident, rises, (), passage.book.stamp()))
        passage.at_once(ask.Settle(ident, Outcome.UNKNOWN))
        if refused:
            found.shown |= label

    def _asks(self, machine: str) -> bool:
        """Say whether tasks of a machine may wait for an answer; of one that is not known they may."""
        found = self._passage.stack.by_arn().get(machine)
        told = str(found.properties) if isinstance(found, Resource) else ""
        return "Definition" not in told or "aitForTaskToken" in told

    def _ended(self, execution: str, status: str, cause: str) -> None:
        if not NAMED.fullmatch(execution):
            return
        if self.running.pop(execution, None) is None and execution not in self._waiting:
            # Why not told yet: what it carries is known once the call is answered that has started it.
            self._over[execution] = status, cause
            bounded(self._over)
            asyncio.get_running_loop().call_later(PATIENCE, self._late, execution)
        else:
            self._tell(execution, status, cause)
        self._waiting.discard(execution)
        self._news.set()

    def _late(self, execution: str) -> None:
        """Tell how an execution has ended of which nobody has said that he has started it."""
        if execution in self._over:
            self._tell(execution, *self._over.pop(execution))

    def _tell(self, execution: str, status: str, cause: str) -> None:
        if not status.startswith("SUCCEEDED"):
            why = f": {plain(cause)[:300]}" if cause and self._blank(execution) else ""
            self._say(f"valve: {_title(execution)} ended: {plain(status)[:200]}{why}")

    def _blank(self, execution: str) -> bool:
        """Say whether it is known that an execution carries nothing: then what it failed of may be told."""
        found = self._executions.get(execution)
        if found is not None and found.done() and not found.exception():
            label = found.result().subject.label
        elif execution in self._began:
            label = self._began[execution][0].label
        else:
            return False
        return not label | self._held(self._handed(execution)).label


class _Step(Crossing):
    """One request of an execution."""

    def __init__(self, machines: Machines, execution: str, found: Execution, *told: Any) -> None:
        super().__init__(*told)
        self._machines, self._execution, self._found = machines, execution, found
        self._asked: ask.Forward | None = None

    def act(self, command: ask.Command) -> Any:
        """See `Crossing.act`; what is learned is in the book before the execution has it."""
        match command:
            case ask.Forward():
                self._asked = command
            case ask.Release(reply) if not self._found.subject.label <= self._found.kept:
                return self._learned(reply)
            case ask.Refuse() | ask.Fail() if not self._found.subject.label <= self._found.kept:
                self._machines.show(self._execution, self._found, True)
        return super().act(command)

    async def _learned(self, reply: ask.Reply) -> None:
        ident, may = await self._machines.keep(self._execution, self._found)
        self._machines.show(self._execution, self._found, not may)
        if may:
            await super().act(ask.Release(reply))
        else:
            await self._refuse(ident, self._asked.call if self._asked else self._exchange.head)


def bounded(kept: OrderedDict[str, Any]) -> None:
    """Forget what was taken in first, where there is too much."""
    while len(kept) > KEPT:
        kept.popitem(last=False)


def _title(execution: str) -> str:
    return f"the execution `{plain(_name_of(execution))[:80]}` of {machine_of(execution).rpartition(':')[2]}"


def _name_of(execution: str) -> str:
    """Return an execution's own name (IAM's ARN format of Step Functions: `…:execution:<machine>:<name>`)."""
    return execution.split(":", 7)[7]

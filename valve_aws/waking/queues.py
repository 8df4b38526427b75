"""Queues that wake functions: which are due, what they hold, and what becomes of it.

Knows the order of receive, invoke and delete. Does not know what a message's label means; it is carried
along.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from valve_aws.clock import Clock, Timer, Virtual
from valve_aws.course.commands import Command, Forward, Lost
from valve_aws.course.drive import drive
from valve_aws.course.release import outcome
from valve_aws.course.subject import Subject
from valve_aws.model.cell import Extent, one
from valve_aws.model.plural import counted
from valve_aws.model.ports import Outcome
from valve_aws.model.record import Record
from valve_aws.model.stack import Function, Trigger
from valve_aws.model.verdict import Holding, Rule
from valve_aws.passage.driver import Passage
from valve_aws.triggers import Batch, Message, batches, event, failed, fits, record
from valve_aws.triggers.queue import LARGEST_BATCH, LARGEST_RECEIVED
from valve_aws.triggers.sending import queue_url

ATTEMPTS = 3
"""Receives of one message whose queue names no `maxReceiveCount`, where time can be moved: AWS would go on
until it expires, a run must end."""

POLLERS = 5
"""Batches under way at once, where a mapping does not say (Lambda developer guide, "Configuring scaling
behavior for SQS event source mappings": it begins with five)."""

VISIBILITY = 30
"""Seconds that a received message is not seen, by default (SQS API, CreateQueue)."""

KEPT = 20_000
"""Messages of which it is remembered which call has put them there."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What an event came to, and who by then knew what."""

    payload: bytes
    failed: bool
    subject: Subject
    admitted: bool = True
    """Some function saw it."""
    throttled: bool = False
    """None did, as too many others were under way; it may be tried again."""

    @property
    def learned(self) -> Holding:
        """Return what was known by the end, which whatever comes of that end carries (law 11)."""
        return Holding(self.subject.label, True, tuple(self.subject.ways.values()))


Wake = Callable[[str | Function, bytes, Holding, str, str, str], Awaitable[Ended]]
"""(function or version, payload, what the event carries, trigger, source, cause) → what came of it."""


Brought = Callable[[str, str, bytes, Holding], Holding]
"""(function, trigger, payload, what it carries) → all that such an event brings along."""


Triggers = Callable[[], Iterable[Trigger]]
"""→ all that is fed by a source, as the stack is now."""


class Waking:
    """The queues of one stack that wake a function of it. On one loop."""

    def __init__(
        self,
        passage: Passage,
        wake: Wake,
        say: Callable[[str], None],
        clock: Clock | None = None,
        follows: bool = False,
        triggers: Triggers | None = None,
    ) -> None:
        """`follows` says that the cloud goes by the clock, so that what failed is seen again by itself when
        its visibility ends; otherwise it is made visible at once. `triggers` None are those of functions."""
        self._passage, self._wake, self._say = passage, wake, say
        self._all = triggers or (lambda: (t for f in passage.stack.functions.values() for t in f.triggers))
        self._clock, self._follows = clock or Virtual(), follows
        self.due: dict[str, str] = {}
        """Queue → the record of the call that put something there."""
        self.serving: set[str] = set()
        """Queues that are being served."""
        self._tried: dict[str, int] = {}
        self._came: dict[str, int] = {}
        """Queue → messages that wait for more of them to come."""
        self._windows: dict[str, Timer] = {}
        self._told: dict[str, Mapping[str, Any]] = {}
        """Queue → its attributes, of one that is another than the template says."""
        self._had = named(self.triggers())
        self._causes: OrderedDict[str, str] = OrderedDict()
        """Message, by its queue's ARN and its id → the record of the call that put it there."""

    def triggers(self) -> dict[str, list[Trigger]]:
        """Return what is woken by each queue, as the stack is now."""
        found: dict[str, list[Trigger]] = {}
        for trigger in self._all():
            if trigger.kind == "SQS" and ":sqs:" in trigger.source and enabled(trigger):
                found.setdefault(trigger.source, []).append(trigger)
        return found

    def learned(self) -> None:
        """Let the queues be due that wake somebody who was not woken before."""
        had, self._had, known = self._had, named(self.triggers()), self.triggers()
        for queue in {queue for queue, _ in self._had - had}:
            self._arrived(queue, known[queue], "", 0)

    def changed(self, queues: Iterable[str]) -> None:
        """Take note that queues may be others than they were."""
        self._told |= {queue: {} for queue in queues}

    def settled(self, record: Record) -> None:
        """Take note of a call that was done: a queue may have something for its function."""
        if record.outcome != "done" or record.operation not in {"SendMessage", "SendMessageBatch"}:
            return
        self.sent(record.changes, record.ident)
        known = self.triggers()
        for queue in set(record.resources) & set(known):
            self._arrived(queue, known[queue], record.ident, max(1, len(record.changes)))

    def sent(self, messages: Iterable[str], record: str) -> None:
        """Take note of which call has put messages there, as soon as that is known."""
        self._causes.update(dict.fromkeys(messages, record))
        while len(self._causes) > KEPT:
            self._causes.popitem(last=False)

    def _arrived(self, queue: str, triggers: list[Trigger], cause: str, count: int) -> None:
        """Let a queue be due now, or when its batching window ends and no batch is full before."""
        window = min(map(_window, triggers))
        came = self._came[queue] = self._came.get(queue, 0) + count
        if window and came < min(_size(t) for t in triggers):
            if queue not in self._windows or self._windows[queue].over:
                ends = self._clock.now() + window
                self._windows[queue] = self._clock.at(ends, lambda: self._full(queue, cause))
            return
        self._full(queue, cause)

    def _full(self, queue: str, cause: str) -> None:
        self._came.pop(queue, None)
        if timer := self._windows.pop(queue, None):
            timer.cancel()
        self.due[queue] = cause

    def later(self, queue: str, seconds: float, cause: str = "") -> None:
        """Let a queue be due when some of its messages are to be seen: they were delayed, or failed."""
        if queue in self.triggers():
            self._clock.at(self._clock.now() + seconds, lambda: self.due.setdefault(queue, cause))

    def delayed(self, queue: str, seconds: float, cause: str) -> None:
        """Take note of a message that is not to be seen yet, by its own delay or its queue's."""
        seconds = max(seconds, float(self._properties(queue).get("DelaySeconds") or 0))
        if seconds:
            self.later(queue, seconds, cause)

    def forget(self) -> None:
        """Forget what is due and what was tried: the queues are not what they were."""
        for kept in (self.due, self._tried, self._came, self._windows, self._causes, self._told):
            kept.clear()

    async def turn(self) -> None:
        """Serve every queue that is due and is not being served already."""
        due = [queue for queue in self.due if queue not in self.serving]
        ended = await asyncio.gather(*map(self._while_due, due), return_exceptions=True)
        for fault in ended:
            if isinstance(fault, BaseException):
                raise fault

    async def _while_due(self, queue: str) -> None:
        self.serving.add(queue)
        try:
            while queue in self.due:
                cause = self.due.pop(queue)
                for trigger in self.triggers().get(queue, ()):
                    try:
                        await self._serve(trigger, cause)
                    except Lost as gone:
                        self._say(f"valve: {trigger.function} is not woken: {gone}")
        finally:
            self.serving.discard(queue)

    async def _serve(self, trigger: Trigger, cause: str) -> None:
        """Receive what there is, split it by label, invoke for each part, delete what was done (law 13)."""
        url, most = queue_url(trigger.source), self._at_once(trigger)
        await self._ask(trigger.source, url)
        tasks: set[asyncio.Task[None]] = set()
        faults: list[BaseException] = []
        while not faults and (received := await self._receive(url, _size(trigger))):
            wanted = [body for body in received if await self._wanted(trigger, url, body)]
            found = [self._message(trigger.source, body) for body in wanted]
            # Why again: what a function has put there meanwhile is in this batch, and is its doing.
            cause = self.due.pop(trigger.source, cause)
            # Why together: parts of one batch fail alone, and an unordered source promises no order.
            for part in batches(found, ordered=trigger.source.endswith(".fifo")):
                if most > 1 and len(tasks) >= most:
                    await _ended(tasks, asyncio.FIRST_COMPLETED, faults)
                tasks.add(asyncio.ensure_future(self._part(trigger, url, part, cause)))
            # Why then: nothing more was there, and what comes meanwhile is known once its call is settled.
            if most == 1 or len(received) < _size(trigger):
                await _ended(tasks, asyncio.ALL_COMPLETED, faults)
        await _ended(tasks, asyncio.ALL_COMPLETED, faults)
        # Why not at once: what befalls one part must not leave another under way and unattended.
        for fault in faults:
            raise fault

    def _at_once(self, trigger: Trigger) -> int:
        """Return how many batches a mapping has under way at once; of an ordered queue one after the other.
        """
        if trigger.source.endswith(".fifo") or not self._follows:
            return 1
        scaling = trigger.properties.get("ScalingConfig")
        told = scaling.get("MaximumConcurrency") if isinstance(scaling, dict) else None
        return int(told or POLLERS)

    async def _receive(self, url: str, size: int) -> list[dict[str, Any]]:
        """Receive as many messages as a batch has, or as there are."""
        found: list[dict[str, Any]] = []
        while len(found) < size:
            asked = {
                "QueueUrl": url,
                "MaxNumberOfMessages": min(size - len(found), LARGEST_RECEIVED),
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
                "WaitTimeSeconds": 0,
            }
            more = (await self._passage.operate("sqs", "ReceiveMessage", asked)).get("Messages", ())
            found += more
            if len(more) < LARGEST_RECEIVED:
                break
        return found

    async def _wanted(self, trigger: Trigger, url: str, body: dict[str, Any]) -> bool:
        """Say whether the mapping's filters let a message through; another is taken away, as on AWS."""
        try:
            if fits(record(body, trigger.source), trigger.properties):
                return True
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self._say(f"valve: {trigger.function}.{trigger.name}: its filter cannot be read: {error}")
            return True
        handle = {"QueueUrl": url, "ReceiptHandle": body["ReceiptHandle"]}
        await self._passage.operate("sqs", "DeleteMessage", handle)
        return False

    def _message(self, queue: str, body: dict[str, Any]) -> Message:
        held = self._passage.book.held([one(queue, body["MessageId"])])
        holding: Holding = next(iter(held.values()))
        return Message(
            body, self._passage.court.judge.carried(Extent(queue, name=body["MessageId"]), holding)
        )

    async def _part(self, trigger: Trigger, url: str, batch: Batch, cause: str) -> None:
        """Serve one batch."""
        name, queue = f"{trigger.function}.{trigger.name}", trigger.source
        causes = [way.record for way in batch.holding.ways if way.record]
        causes += [self._causes.get(f"{queue}/{message.ident}", "") for message in batch.messages]
        ended = await self._wake(
            woken(self._passage, trigger),
            event(batch, queue, _window(trigger) > 0),
            batch.holding,
            name,
            queue,
            next(filter(None, causes), cause),
        )
        reports = "ReportBatchItemFailures" in (trigger.properties.get("FunctionResponseTypes") or ())
        undone = failed(batch, ended.payload, ended.failed, reports)
        names = [message.ident for message in batch.messages]

        def act(command: Command) -> Any:
            if isinstance(command, Forward):
                return self._settle(trigger, url, batch, undone)
            return self._passage.at_once(command)

        course = outcome(self._passage.court, ended.subject, queue, names, bool(undone))
        _, verdict = await drive(course, act)
        if not verdict.passes and all(reason.rule is not Rule.BOOK for reason in verdict.refused):
            # Why as done: which messages are there afterwards may tell nothing of what was learned (law 11).
            await self._settle(trigger, url, batch, frozenset())

    async def _settle(self, trigger: Trigger, url: str, batch: Batch, undone: frozenset[str]) -> None:
        """Take away what was done, and let be seen again what was not, while its tries last."""
        for message in batch.messages:
            handle = {"QueueUrl": url, "ReceiptHandle": message.body["ReceiptHandle"]}
            if message.ident not in undone:
                self._tried.pop(message.ident, None)
                await self._passage.operate("sqs", "DeleteMessage", handle)
                continue
            self._tried[message.ident] = tried = self._tried.get(message.ident, 0) + 1
            redrive = self._redrive(trigger.source)
            if self._follows and (tried < ATTEMPTS or redrive or not self._clock.moves):
                self._again(trigger.source, redrive)
            elif not self._follows and tried < int(redrive.get("maxReceiveCount") or ATTEMPTS):
                await self._passage.operate(
                    "sqs", "ChangeMessageVisibility", {**handle, "VisibilityTimeout": 0}
                )
            else:
                self._say(
                    f"valve: {trigger.function}.{trigger.name} failed {counted(tried, 'time')} with message "
                    f"{message.ident}; it stays in the queue"
                )

    def _again(self, queue: str, redrive: Mapping[str, Any]) -> None:
        """Look again when what failed is visible, and then at the queue that dead letters are moved to."""
        seconds = float(self._properties(queue).get("VisibilityTimeout") or VISIBILITY)
        self.later(queue, seconds)
        if target := str(redrive.get("deadLetterTargetArn") or ""):
            self.later(target, seconds)

    def _redrive(self, queue: str) -> Mapping[str, Any]:
        """Return a queue's redrive policy: how often a message is tried, and where it goes then."""
        told = self._properties(queue).get("RedrivePolicy") or {}
        told = json.loads(told) if isinstance(told, str) else told
        return told if isinstance(told, dict) else {}

    async def _ask(self, queue: str, url: str) -> None:
        """Ask a queue for its attributes, if the template does not know it as it is."""
        if self._told.get(queue) or (queue not in self._told and self._passage.stack.store(queue)):
            return
        asked = {"QueueUrl": url, "AttributeNames": ["All"]}
        told = await self._passage.operate("sqs", "GetQueueAttributes", asked)
        self._told[queue] = told["Attributes"]
        if delay := float(self._told[queue].get("DelaySeconds") or 0):  # Why: of messages sent before this
            self.later(queue, delay)

    def _properties(self, queue: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = getattr(self._passage.stack.store(queue), "properties", {})
        return self._told.get(queue) or found


async def _ended(tasks: set[asyncio.Task[None]], when: str, faults: list[BaseException]) -> None:
    """Wait for parts under way, and gather what befell them."""
    if tasks:
        done, _ = await asyncio.wait(tasks, return_when=when)
        tasks -= done
        faults += filter(None, (task.exception() for task in done))


def _size(trigger: Trigger) -> int:
    """Return the most messages of one batch; of an ordered queue no more than one ReceiveMessage gives."""
    told = int(trigger.properties.get("BatchSize") or LARGEST_RECEIVED)
    return min(told, LARGEST_RECEIVED) if trigger.source.endswith(".fifo") else min(told, LARGEST_BATCH)


def _window(trigger: Trigger) -> float:
    """Return for how many seconds a mapping gathers messages."""
    return float(trigger.properties.get("MaximumBatchingWindowInSeconds") or 0)


def named(triggers: Mapping[str, Iterable[Trigger]]) -> frozenset[tuple[str, str]]:
    """Return (store, `Function.Event`) of each trigger."""
    return frozenset((store, f"{t.function}.{t.name}") for store, each in triggers.items() for t in each)


def woken(passage: Passage, trigger: Trigger) -> str | Function:
    """Return whom a trigger wakes: a function by its logical id, or what a version or alias of it means.
    Raises `Lost` when that is no more."""
    if not trigger.version:
        return trigger.function
    arn = f"{passage.stack.functions[trigger.function].arn}:{trigger.version}"
    found = passage.versions.meant(passage.stack, arn)
    if found is None:
        raise Lost(Outcome.FAILED, f"it has no version or alias `{trigger.version}`")
    return found


def enabled(trigger: Trigger) -> bool:
    """Say whether a mapping is switched on."""
    return str(trigger.properties.get("Enabled", True)).lower() != "false"

"""Queues that wake functions: which are due, what they hold, and what becomes of it.

Knows the order of receive, invoke and delete. Does not know what a message's label means; it is carried
along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from valve_aws.course.commands import Command, Forward, Lost
from valve_aws.course.drive import drive
from valve_aws.course.release import outcome
from valve_aws.course.subject import Subject
from valve_aws.model.cell import Extent, one
from valve_aws.model.record import Record
from valve_aws.model.stack import Trigger
from valve_aws.model.verdict import Holding, Rule
from valve_aws.passage import Passage
from valve_aws.triggers import Batch, Message, batches, event, failed, fits, record
from valve_aws.triggers.queue import LARGEST_BATCH

ATTEMPTS = 3
"""Receives of one message whose queue names no `maxReceiveCount`: AWS would go on until it expires, a local
run must end."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What an event came to, and who by then knew what."""

    payload: bytes
    failed: bool
    subject: Subject
    admitted: bool = True
    """Some function saw it."""


Wake = Callable[[str, bytes, Holding, str, str, str], Awaitable[Ended]]
"""(function, payload, what the event carries, trigger, source, cause) → what came of it."""


class Waking:
    """The queues of one stack that wake a function of it."""

    def __init__(self, passage: Passage, wake: Wake, say: Callable[[str], None]) -> None:
        self._passage, self._wake, self._say = passage, wake, say
        self._triggers: dict[str, Trigger] = {
            t.source: t
            for f in passage.stack.functions.values()
            for t in f.triggers
            if t.kind == "SQS" and t.source in passage.stack.by_arn() and _enabled(t)
        }
        self.due: dict[str, str] = {}
        """Queue → the record of the call that put something there."""
        self._tried: dict[str, int] = {}

    def settled(self, record: Record) -> None:
        """Take note of a call that was done: a queue may have something for its function."""
        if record.outcome == "done" and record.operation in {"SendMessage", "SendMessageBatch"}:
            for queue in set(record.resources) & set(self._triggers):
                self.due[queue] = record.ident

    def forget(self) -> None:
        """Forget what is due and what was tried: the queues are not what they were."""
        self.due.clear()
        self._tried.clear()

    async def turn(self) -> None:
        """Serve every queue that is due, once."""
        for queue in list(self.due):
            cause = self.due.pop(queue)
            try:
                await self._serve(self._triggers[queue], cause)
            except Lost as gone:
                self._say(f"valve: {self._triggers[queue].function} is not woken: {gone}")

    async def _serve(self, trigger: Trigger, cause: str) -> None:
        """Receive what there is, split it by label, invoke for each part, delete what was done (law 13)."""
        url = f"https://sqs.{trigger.source.split(':')[3]}.amazonaws.com/{trigger.source.split(':')[4]}/{trigger.source.split(':')[5]}"
        size = min(int(trigger.properties.get("BatchSize") or LARGEST_BATCH), LARGEST_BATCH)
        while True:
            answer = await self._passage.operate(
                "sqs",
                "ReceiveMessage",
                {
                    "QueueUrl": url,
                    "MaxNumberOfMessages": size,
                    "AttributeNames": ["All"],
                    "MessageAttributeNames": ["All"],
                    "WaitTimeSeconds": 0,
                },
            )
            received = answer.get("Messages", ())
            if not received:
                return
            wanted = [body for body in received if await self._wanted(trigger, url, body)]
            found = [self._message(trigger.source, body) for body in wanted]
            parts = batches(found, ordered=trigger.source.endswith(".fifo"))
            # Why again: what a function has put there meanwhile is in this batch, and is its doing.
            cause = self.due.pop(trigger.source, cause)
            # Why together: parts of one batch fail alone, and an unordered source promises no order.
            ended = await asyncio.gather(
                *(self._part(trigger, url, part, cause) for part in parts), return_exceptions=True
            )
            # Why not at once: what befalls one part must not leave another under way and unattended.
            for fault in ended:
                if isinstance(fault, BaseException):
                    raise fault

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
        name = f"{trigger.function}.{trigger.name}"
        causes = {way.record for way in batch.holding.ways if way.record}
        ended = await self._wake(
            trigger.function,
            event(batch, trigger.source),
            batch.holding,
            name,
            trigger.source,
            next(iter(causes), cause),
        )
        reports = "ReportBatchItemFailures" in (trigger.properties.get("FunctionResponseTypes") or ())
        undone = failed(batch, ended.payload, ended.failed, reports)
        names = [message.ident for message in batch.messages]

        def act(command: Command) -> Any:
            if isinstance(command, Forward):
                return self._settle(trigger, url, batch, undone)
            return self._passage.at_once(command)

        course = outcome(self._passage.court, ended.subject, trigger.source, names, bool(undone))
        _, verdict = await drive(course, act)
        if not verdict.passes and all(reason.rule is not Rule.BOOK for reason in verdict.refused):
            # Why as done: which messages are there afterwards may tell nothing of what was learned (law 11).
            await self._settle(trigger, url, batch, frozenset())

    async def _settle(self, trigger: Trigger, url: str, batch: Batch, undone: frozenset[str]) -> None:
        """Take away what was done, and let be seen again what was not, while its tries last."""
        for message in batch.messages:
            handle = {"QueueUrl": url, "ReceiptHandle": message.body["ReceiptHandle"]}
            if message.ident not in undone:
                await self._passage.operate("sqs", "DeleteMessage", handle)
                continue
            self._tried[message.ident] = tried = self._tried.get(message.ident, 0) + 1
            if tried < self._most(trigger.source):
                await self._passage.operate(
                    "sqs", "ChangeMessageVisibility", {**handle, "VisibilityTimeout": 0}
                )
            else:
                self._say(
                    f"valve: {trigger.function}.{trigger.name} failed {tried} times with message "
                    f"{message.ident}; it stays in the queue"
                )

    def _most(self, queue: str) -> int:
        """Return how often a message is tried: the queue's redrive policy says, and moves it after the last
        time."""
        resource = self._passage.stack.store(queue)
        redrive = getattr(resource, "properties", {}).get("RedrivePolicy") or {}
        return int(redrive.get("maxReceiveCount") or ATTEMPTS) if isinstance(redrive, dict) else ATTEMPTS


def _enabled(trigger: Trigger) -> bool:
    return str(trigger.properties.get("Enabled", True)).lower() != "false"

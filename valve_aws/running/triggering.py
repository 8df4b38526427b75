"""What happens behind everybody's back in one run: events that nobody waits for, stores that wake functions
or hand things on, schedules, and the time that all of it goes by.

Knows who tells whom. Does not know what any trigger looks like.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from valve_aws.clock import Clock, Virtual
from valve_aws.cloud import Cloud
from valve_aws.course import commands as ask
from valve_aws.model.ports import Tables
from valve_aws.model.record import Record
from valve_aws.passage.driver import Passage
from valve_aws.running.invoking import Invoking
from valve_aws.running.ledger import Ledger
from valve_aws.waking.deferring import Deferring
from valve_aws.waking.delivering import Delivering
from valve_aws.waking.following import Following
from valve_aws.waking.machines import Machines
from valve_aws.waking.piping import Piping
from valve_aws.waking.queues import Waking
from valve_aws.waking.spreading import Spreading, answer_of
from valve_aws.waking.tailing import Tailing

TICK = 0.01
"""Seconds between looks at what is being served in somebody else's task."""


UNCOVERED = frozenset("Cognito MSK MQ DocumentDB SelfManagedKafka IoTRule AlexaSkill CloudWatchLogs".split())
"""Kinds of triggers that nobody pulls here."""

CHANGES = frozenset("CreateQueue SetQueueAttributes DeleteQueue".split())
"""Calls after which a queue may be another than it was."""


class Triggering:
    """The triggers of one run. On one loop."""

    def __init__(
        self,
        passage: Passage,
        invoking: Invoking,
        cloud: Cloud,
        clock: Clock,
        ledger: Ledger,
        tables: Tables,
        say: Callable[[str], None],
    ) -> None:
        self.clock, self._invoking, self._passage = clock, invoking, passage
        passage.executions = invoking.executions
        invoking.executions.fresh, invoking.executions.waits = _fresh, not clock.moves
        delivering = Delivering(passage, say)
        woken = (passage, clock, invoking.for_queue, invoking.brought)
        self.deferring = Deferring(*woken, invoking.start, delivering, say, _fresh)
        onward = (delivering, ledger.looping, say, cloud.follows)
        self._piping = piping = Piping(*woken, self.deferring.put, *onward)
        self._waking = Waking(passage, piping.wake, say, clock, cloud.follows, piping.triggers)
        self._spreading = Spreading(
            passage, clock, self.deferring, delivering, ledger.looping, say, _fresh, cloud.follows
        )
        self._cloud, self._say = cloud, say
        self._began = clock.now()
        following = Following(
            passage, tables, cloud.seeded, lambda: self._began if cloud.kept else 0.0, clock, say
        )
        around = (delivering, following, invoking.start, say, _fresh, piping.triggers)
        self._tailing = Tailing(passage, clock, piping.wake, piping.brought, *around)
        self.machines = Machines(passage, say)
        cloud.machines = self.machines.address
        self._news = asyncio.Event()
        invoking.defer, passage.happened, clock.called = self.deferring.put, self._happened, self._news.set
        if isinstance(clock, Virtual):
            clock.settled, clock.follow = self.settle, cloud.ahead
        clock.run()
        self._begin()

    def _begin(self) -> None:
        """Let schedules be due, where somebody moves the time; in a valve that stays they begin with that."""
        if self.clock.moves:
            self._spreading.begin(lambda _: None)

    def _happened(self, command: ask.Forward, reply: ask.Reply) -> None:
        self._spreading.happened(command, reply)
        self._tailing.following.happened(command, reply)
        call = command.call
        if call.service == "sqs" and call.operation in CHANGES:
            self._waking.changed(call.resources)
        if (call.service, call.operation) == ("stepfunctions", "StartExecution"):
            self.machines.happened(command, str(answer_of(reply).get("executionArn") or ""))
        if call.service == "sqs" and call.operation in {"SendMessage", "SendMessageBatch"}:
            entries = call.params.get("Entries") or [call.params]
            self._waking.sent(map(str, reply.created), command.record)
            delay = max((int(entry.get("DelaySeconds") or 0) for entry in entries), default=0)
            for queue in call.resources:
                self._waking.delayed(queue, delay, command.record)

    def settled(self, record: Record) -> None:
        """Take note of a call that was done."""
        self._waking.settled(record)
        self._tailing.settled(record)
        self._piping.settled(record)
        if told := self._spreading.settled(record):
            self._invoking.start(told)
        if self._waking.due or self._tailing.due:
            self._news.set()

    def processed(self, function: str, trigger: str) -> str:
        """Return what became of the last batch that a stream gave to a function, "" when it gave none."""
        return self._tailing.processed.get((function, trigger), "")

    def learned(self) -> None:
        """Take note that functions are woken otherwise than before."""
        self._waking.learned()
        self._tailing.learned()
        self._news.set()

    async def settle(self) -> None:
        """Wait until nothing that was woken is under way any more."""
        background, polled = self._invoking.background, (self._waking, self._tailing)
        while background or self.machines.running or any(each.due or each.serving for each in polled):
            await self._turn()
            if self.machines.running:
                await self.machines.turn()
            elif background:
                await asyncio.wait(set(background), return_when=asyncio.FIRST_COMPLETED)
            elif any(each.serving for each in polled):
                await asyncio.sleep(TICK)

    async def _turn(self) -> None:
        await asyncio.gather(self._waking.turn(), self._tailing.turn())

    async def drain(self) -> None:
        """Wait until all that was begun has come to its end; a time that can be moved is moved to where
        something is due."""
        await self.settle()
        while (when := self.clock.owed()) is not None:
            await self.clock.to(when, owed=True)

    async def keep(self) -> None:
        """Serve whatever becomes due, until this is cancelled: for a valve that stays."""
        for function in self._passage.stack.functions.values():
            for trigger in function.triggers:
                if trigger.kind in UNCOVERED:
                    named = f"{function.logical}.{trigger.name}"
                    self._say(f"valve: {named}: a trigger of the kind `{trigger.kind}` wakes nothing here")
        for lacking in self._piping.passed_over():
            self._say(f"valve: nothing goes through here: {lacking}")
        if not self.clock.moves:
            self._spreading.begin(self._say)
        if self._cloud.waiting:
            self._waking.due |= dict.fromkeys(self._waking.triggers(), "")
            self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            self._invoking.start(self._kept())

    async def _kept(self) -> None:
        """Serve what is due; a fault in that is told, and ends nothing else."""
        try:
            await self._turn()
        except Exception as error:  # Why all: who stays must go on, whatever befell one batch
            self._say(f"valve: what was due could not be served: {type(error).__name__}: {error}")

    def forget(self) -> None:
        """Forget all that is due: another run begins."""
        self._waking.forget()
        self._tailing.forget()
        self._spreading.forget()
        self.machines.forget()
        self.clock.clear()
        self._began = self.clock.now()
        self._begin()

    async def close(self) -> None:
        """Let nobody be called any more."""
        self.clock.clear()
        self.clock.stop()
        await self.machines.close()


def _fresh() -> str:
    return str(uuid.uuid4())

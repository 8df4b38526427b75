"""The operator's own door to the cloud of a valve: an address of this machine at which whatever he does is
labelled, recorded, and never judged.

Knows that who comes in here is the operator. Does not know what he does; any AWS client of any process will
do, as nobody else is told the address, and no function can reach it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from valve_aws import runtime, sandbox
from valve_aws.course.carry import Court
from valve_aws.course.subject import Subject
from valve_aws.flow import Judge
from valve_aws.model.call import Evidence
from valve_aws.model.invocation import Beside
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.plan import Listeners
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Holding, Mode, Way
from valve_aws.passage import crossing
from valve_aws.passage.driver import Invoked, Passage
from valve_aws.proxy import Dial, Exchange, Server

OPERATOR = "operator"
"""Who calls, in records; it has no environment, which every function has."""


class Operating:
    """One door, for all that the operator does at once."""

    def __init__(self, passage: Passage, bystander: Judge, invoke: Callable[..., Awaitable[Any]]) -> None:
        """`bystander` is a judgement that follows labels and refuses nothing; `invoke` is the valve's own, by
        which he gets what may leave of a function's result and nothing else."""
        court = passage.court
        mode = Mode.OFF if court.mode is Mode.OFF else Mode.AUDIT
        self._passage = replace(
            passage,
            court=Court(bystander, mode, court.account, court.region),
            quote=lambda *_: Evidence(),
            invoke=self._invoked,
        )
        self._for_functions, self._invoke = passage.invoke, invoke
        self.key = passage.ring.issue(OPERATOR, OPERATOR)
        self._server: Server | None = None
        self.port = 0

    def learn(self, stack: Stack, bystander: Judge) -> None:
        """Take the application as it is now."""
        court = self._passage.court
        self._passage.stack = stack
        self._passage.court = Court(bystander, court.mode, court.account, court.region)

    async def open(self) -> None:
        """Listen on a loopback port of the kernel's choosing."""
        mine, spare = sandbox.loopback_listeners().tcp
        spare.close()
        self.port = mine.getsockname()[1]
        self._server = await Server.open(
            Listeners((mine,), (), all_ports=False), OPERATOR, None, self.request, self._dial, self._name
        )

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            await self._server.close()

    async def request(self, exchange: Exchange) -> None:
        """Take one request through, whoever signed it. Nothing of it stays with the one after."""
        await crossing.asked_of_aws(self._passage, Subject("", OPERATOR), self.key, exchange)

    async def _invoked(
        self,
        arn: str,
        payload: bytes,
        waits: bool,
        label: Label,
        ways: tuple[Way, ...],
        cause: str,
        beside: Beside,
    ) -> Invoked:
        """Invoke a function for him; whoever waits gets a result, which is an exit (law 11)."""
        if not waits:
            return await self._for_functions(arn, payload, waits, label, ways, cause, beside)
        function = self._passage.versions.meant(self._passage.stack, beside.arn or arn)
        assert function is not None, "it was looked for before"
        try:
            done = await self._invoke(function, payload, "", beside, Holding(label, True, ways))
        except Invalid as mistake:
            self._passage.tell(str(mistake))
            return Invoked(runtime.faults.unavailable(), True, CLEAN, ())
        return Invoked(done.payload, done.failed, CLEAN, ())

    async def _dial(self, connection: Dial) -> None:
        """Leave alone what is not HTTP."""

    async def _name(self, name: str, kind: str) -> bool:
        return False

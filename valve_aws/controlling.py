"""The Lambda API joined with the functions of a valve: what a client asks for is what environments do.

Knows which function of ours a version of the API's is, and which lines its caller may see. Decides nothing.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections import deque
from collections.abc import Callable

from valve_aws import api, runtime
from valve_aws.api.described import declared
from valve_aws.api.desk import Desk
from valve_aws.api.names import Place
from valve_aws.api.operations import LambdaApi
from valve_aws.api.ports import Outcome
from valve_aws.api.registry import Registry
from valve_aws.aws.contract import contract
from valve_aws.course.subject import Subject
from valve_aws.invoking import Invoking
from valve_aws.loglines import LogLines
from valve_aws.model.invocation import Beside
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Function, Stack

TAIL = 4096
"""Bytes of a log that an invocation's answer brings along (Lambda API reference, Invoke, LogType)."""


class Tails:
    """The last lines of the log of each invocation that somebody waits for."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[bytes]] = {}

    def begin(self, invocation: str) -> None:
        """Keep what an invocation writes from now on."""
        self._kept[invocation] = deque()

    def take(self, subject: Subject, line: str) -> None:
        """Take in a line that may leave (`loglines.Leaving`)."""
        lines = self._kept.get(subject.invocation)
        if lines is None:
            return
        lines.append(line.encode("utf-8", "replace") + b"\n")
        while sum(map(len, lines)) - len(lines[0]) >= TAIL:
            lines.popleft()

    def end(self, invocation: str) -> bytes:
        """Return the last lines of an invocation, and keep no more."""
        return b"".join(self._kept.pop(invocation, ()))[-TAIL:]


class Controlling:
    """What the Lambda API asks of a valve (`api.ports.Engine`)."""

    def __init__(self, invoking: Invoking, lines: LogLines, say: Callable[[str], None]) -> None:
        self._invoking, self._say = invoking, say
        self._tails = Tails()
        lines.leaving = self._tails.take

    def unacceptable(self, payload: bytes, waits: bool, context: str) -> tuple[int, str, bytes] | None:
        """See `Engine`."""
        return runtime.faults.unacceptable(payload, waits, context)

    async def invoke(self, function: Function, payload: bytes, beside: Beside) -> Outcome:
        """See `Engine`."""
        self._tails.begin(beside.ident)
        try:
            done = await self._invoking.operator(function, payload, beside=beside)
        except Invalid as mistake:
            self._say(f"valve: {mistake}")
            return Outcome(runtime.faults.unavailable(), True)
        finally:
            log = self._tails.end(beside.ident)
        return Outcome(done.payload, done.failed, log)

    def later(self, function: Function, payload: bytes, beside: Beside) -> None:
        """See `Engine`."""
        self._invoking.behind(function, payload, beside)


def lambda_api(stack: Stack, engine: api.ports.Engine) -> LambdaApi:
    """Return the API of a stack's account and region, its functions deployed."""
    registry = Registry(Place(stack.account, stack.region))
    now = time.time()
    for function in stack.functions.values():
        registry.logical[function.logical] = function.name
        registry.functions[function.name] = declared(function, registry.place, now, str(uuid.uuid4()))
    chance = random.Random(os.urandom(16))
    desk = Desk(registry, engine, lambda: str(uuid.uuid4()), time.time, chance.random)
    return LambdaApi(contract("lambda"), desk)

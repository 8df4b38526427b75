"""The Lambda API joined with the functions of a valve: what a client asks for is what environments do.

Knows which function of ours a version of the API's is, where its code is kept, and which lines its caller may
see. Decides nothing.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from valve_aws import runtime
from valve_aws.answering.behind import Behind
from valve_aws.api import versions, wired
from valve_aws.api.described import declared
from valve_aws.api.desk import Desk
from valve_aws.api.fault import Fault
from valve_aws.api.names import LATEST, Place
from valve_aws.api.operations import LambdaApi
from valve_aws.api.ports import Engine, Outcome
from valve_aws.api.registry import Registry
from valve_aws.aws.contract import contract
from valve_aws.course.subject import Subject
from valve_aws.model.invocation import Beside
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Function, Stack
from valve_aws.passage.driver import Passage, Versions
from valve_aws.running.housing import Housing, trace
from valve_aws.running.invoking import Invoking, full
from valve_aws.running.streaming import Stream
from valve_aws.running.triggering import Triggering
from valve_aws.triggers import readable

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

    def __init__(
        self,
        passage: Passage,
        housing: Housing,
        invoking: Invoking,
        learn: Callable[[Stack], Awaitable[None]],
        home: Path,
        say: Callable[[str], None],
        deployed: Collection[str],
        triggering: Triggering,
    ) -> None:
        """`learn` lets the whole valve know of its stack; packages are kept in `home`. `deployed` are the
        functions, by logical id, that the API has; the others go on as they are."""
        self._passage, self._housing, self._invoking = passage, housing, invoking
        self._learn, self._home, self._say = learn, home, say
        self._behind = Behind(passage, say)
        self._declared = passage.stack
        self._apart = {k: f for k, f in passage.stack.functions.items() if k not in deployed}
        self._tails, self._triggering = Tails(), triggering
        housing.lines.leaving = self._tails.take

    def unacceptable(self, payload: bytes, waits: bool, context: str) -> tuple[int, str, bytes] | None:
        """See `Engine`."""
        return runtime.faults.unacceptable(payload, waits, context)

    def wrong_tenant(self, isolates: bool, tenant: str) -> tuple[int, str, bytes] | None:
        """See `Engine`."""
        return runtime.faults.wrong_tenant(isolates, tenant)

    def trace(self, given: str, active: bool) -> str:
        """See `Engine`."""
        return trace(given, active)

    async def durable(
        self, operation: str, params: Mapping[str, Any]
    ) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        """See `Engine`."""
        return await self._invoking.executions.asked(operation, params)

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
        if full(done):
            raise _throttled()
        return Outcome(done.payload, done.failed, done.error_type, log)

    async def stream(
        self, function: Function, payload: bytes, beside: Beside
    ) -> AsyncIterator[bytes | Outcome]:
        """See `Engine`."""
        self._tails.begin(beside.ident)
        try:
            stream = await self._invoking.stream(function, payload, beside=beside)
        except Invalid as mistake:
            self._tails.end(beside.ident)
            self._say(f"valve: {mistake}")
            return _unavailable()
        except BaseException:
            self._tails.end(beside.ident)
            raise
        if stream.finished and full(stream.finished):
            self._tails.end(beside.ident)
            raise _throttled()
        return self._pieces(stream, beside.ident)

    async def _pieces(self, stream: Stream, ident: str) -> AsyncIterator[bytes | Outcome]:
        try:
            async for piece in stream:
                yield piece
            done = stream.finished
            assert done is not None
            yield Outcome(done.payload, done.failed, done.error_type, self._tails.end(ident))
        finally:
            stream.close()
            self._tails.end(ident)

    def later(self, function: Function, payload: bytes, beside: Beside) -> None:
        """See `Engine`."""
        # Why by its name: an event that waits is served by what `$LATEST` is when its turn has come.
        plain = function.version == "" and beside.arn == function.arn
        self._invoking.behind(function.logical if plain else function, payload, beside)

    # Code

    def keep(self, content: bytes) -> Path:
        """See `Engine`."""
        path = self._home / f"{sha256(content).hexdigest()}.zip"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            half = path.with_suffix(f".{os.urandom(4).hex()}")
            half.write_bytes(content)
            half.replace(path)
        return path

    def kept(self, name: str) -> bytes | None:
        """See `Engine`."""
        digest = name.removesuffix(".zip")
        path = self._home / f"{digest}.zip"
        return path.read_bytes() if digest.isalnum() and digest.isascii() and path.is_file() else None

    # The cloud behind

    async def fetch(self, bucket: str, key: str, version: str) -> bytes:
        """See `Engine`."""
        return await self._behind.fetch(bucket, key, version)

    async def lacks(self, source: str) -> str:
        """See `Engine`."""
        return await self._behind.lacks(source)

    async def network(self, subnets: Sequence[str], groups: Sequence[str]) -> str:
        """See `Engine`."""
        return await self._behind.network(subnets, groups)

    # Sources

    def readable(self, pattern: str) -> bool:
        """See `Engine`."""
        return readable(pattern)

    def processed(self, function: Function, trigger: str) -> str:
        """See `Engine`."""
        return self._triggering.processed(function.logical, trigger)

    # Functions

    async def prepare(self, function: Function) -> str:
        """See `Engine`."""
        try:
            await self._housing.prepare(function)
        except Invalid as mistake:
            self._say(f"valve: {mistake}")
            return str(mistake)
        return ""

    async def provide(self, function: Function, count: int) -> str:
        """See `Engine`."""
        try:
            return await self._housing.provide(function, count)
        except Invalid as mistake:
            self._say(f"valve: {mistake}")
            return "FUNCTION_ERROR_INIT_FAILURE"

    async def adopt(self, functions: Mapping[str, Function]) -> None:
        """See `Engine`."""
        own = {f.name: logical for logical, f in self._declared.functions.items()}
        found = {own.get(name, function.logical): function for name, function in functions.items()}
        found = {**self._apart, **found}
        await self._learn(replace(self._passage.stack, functions=found))
        self._triggering.learned()

    async def forget(self, function: Function) -> None:
        """See `Engine`."""
        await self._housing.forget(function.key)


def _throttled() -> Fault:
    return Fault(
        "TooManyRequestsException",
        "Rate Exceeded.",
        Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
    )


async def _unavailable() -> AsyncIterator[bytes | Outcome]:
    yield Outcome(runtime.faults.unavailable(), True, "Valve.FunctionUnavailable")


def _wired(registry: Registry) -> Mapping[str, Function]:
    return {name: wired.wired(registry, each) for name, each in registry.functions.items()}


def lambda_api(
    stack: Stack, engine: Engine, known: Versions, address: Callable[[str], str] | None = None
) -> LambdaApi:
    """Return the API of a stack's account and region, its functions deployed. `known` gets to know what
    is made over it; `address` gives a function URL for its id, None AWS's own."""
    registry = Registry(Place(stack.account, stack.region))
    now = time.time()
    for function in stack.functions.values():
        registry.logical[function.logical] = function.name
        deployed = declared(function, stack, registry.place, now, str(uuid.uuid4()))
        registry.functions[function.name] = deployed
        if told := wired.invoke_config(function, registry.place.arn(function.name, LATEST), now):
            deployed.invokes[LATEST] = told
        for trigger in function.triggers:
            ident = str(uuid.uuid4())
            if told := wired.mapping(trigger, function, stack, ident, registry.place.mapping(ident), now):
                registry.mappings[ident] = told
    chance = random.Random(os.urandom(16))
    address = address or f"https://{{}}.lambda-url.{stack.region}.on.aws/".format
    desk = Desk(registry, engine, lambda: str(uuid.uuid4()), time.time, chance.random, address, _wired)
    for function in stack.functions.values():
        versions.qualified(desk, registry.functions[function.name], function.qualifiers)
    made = LambdaApi(contract("lambda"), desk)
    registered = made.desk

    def find(arn: str, qualifier: str) -> Function | None:
        return wired.found(registered.registry, arn, qualifier, chance.random())

    known.find = find
    return made

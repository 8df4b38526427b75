"""The Lambda API as cases are put to it: of an account as recorded, and with a hand on what goes on behind.

Knows that what is made ready waits until a case has looked. Does not know any case.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.api.conftest import TEMPLATE, Town, built
from tests.conformance.answering import straight
from valve_aws.api.registry import Registry
from valve_aws.course.subject import Subject
from valve_aws.model.stack import Function
from valve_aws.running.loglines import LogLines

ACCOUNT = "111111111111"

MAPPED = """
  Jobs: {Type: AWS::SQS::Queue}
  EventSourceMapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Echo
      EventSourceArn: !GetAtt Jobs.Arn
      Tags: [{Key: my, Value: tag}]
"""


class Held:
    """The real engine, whose preparing goes on when a case says so: on AWS it takes seconds, here a "
    "moment."""

    def __init__(self, engine: Any) -> None:
        self._engine, self.on = engine, asyncio.Event()

    async def prepare(self, function: Function) -> str:
        """See `Engine`."""
        await self.on.wait()
        told: str = await self._engine.prepare(function)
        return told

    async def provide(self, function: Function, count: int) -> str:
        """See `Engine`."""
        if count:  # Why: what is withdrawn is gone once the answer is given
            await self.on.wait()
        told: str = await self._engine.provide(function, count)
        return told

    async def lacks(self, source: str) -> str:
        """See `Engine`. Why nothing: these cases name queues and streams that they do not make; what is said
        where one is not there is a case of events."""
        return ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


class Stage:
    """One API for all cases, emptied between them."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.client = town.client(parameter_validation=False)
        straight(self.client, lambda asked: town.loop.wait(town.api.answer(asked)))
        self._desk = town.api.desk
        self._engine = self._desk.engine
        self._clients: dict[str, Any] = {}
        self.logged: list[str] = []
        lines: LogLines = town.valve._housing.lines
        store = lines.leaving

        def leaving(subject: Subject, line: str) -> None:
            self.logged.append(line)
            store(subject, line)

        lines.leaving = leaving

    def cloud(self, service: str) -> Any:
        """Return a client of the cloud behind the API."""
        if service not in self._clients:
            self._clients[service] = self.town.cloud(service)
        return self._clients[service]

    def paged(self, operation: str, member: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a list one entry at a time, and return all of them."""
        found, marker = list[Any](), dict[str, str]()
        while True:
            told = self.client._make_api_call(operation, {"MaxItems": 1, **params, **marker})
            assert len(told[member]) <= 1, "a page is no longer than was asked for"
            found += told[member]
            if not told.get("NextMarker"):
                return {"is": {member: found}}
            marker = {"Marker": told["NextMarker"]}

    def clear(self, declared: bool = False) -> None:
        """Begin with nothing deployed, or with what the template declares."""
        self.settle()
        self.logged.clear()
        registry = self._desk.registry if declared else Registry(self._desk.registry.place)
        held = self.town.loop.wait(_made(self._engine))
        self.town.api.desk = dataclasses.replace(self._desk, registry=registry, engine=held, tasks=set())

    def settle(self) -> None:
        """Let all that is being made ready become ready."""
        self.town.loop.wait(_settled(self.town.api.desk))


async def _made(engine: Any) -> Held:
    return Held(engine)


async def _settled(desk: Any) -> None:
    if isinstance(desk.engine, Held):
        desk.engine.on.set()
    while desk.tasks:
        await asyncio.gather(*desk.tasks)
        await asyncio.sleep(0)
    if isinstance(desk.engine, Held):
        desk.engine.on.clear()


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The API that all cases are put to."""
    town = built(tmp_path_factory.mktemp("conformance"), TEMPLATE + MAPPED, account=ACCOUNT)
    stage = Stage(town)
    yield stage
    stage.settle()
    town.close()

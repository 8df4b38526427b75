"""The Lambda API as cases are put to it: of an account as recorded, and with a hand on what goes on behind.

Knows that what is made ready waits until a case has looked. Does not know any case.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSResponse, HeadersDict

from tests.api.conftest import Town, built
from valve_aws.api.reading import Request
from valve_aws.api.registry import Registry
from valve_aws.model.stack import Function

ACCOUNT = "111111111111"


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

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


class Raw(io.BytesIO):
    """A body as botocore reads one."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """Give all of it."""
        yield self.read()


class Stage:
    """One API for all cases, emptied between them."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.client = town.client(parameter_validation=False)
        # Why not over a socket: that is shown elsewhere, and a thousand calls are quicker without.
        self.client.meta.events.register("before-send.lambda", self._sent)
        self._desk = town.api.desk
        self._engine = self._desk.engine

    def _sent(self, request: Any, **_: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        headers = {
            name.lower(): value if isinstance(value, str) else value.decode()
            for name, value in request.headers.items()
        }
        body = request.body.read() if hasattr(request.body, "read") else request.body
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        asked = Request(request.method, target, headers, body or b"")
        answer = self.town.loop.wait(self.town.api.answer(asked))
        assert isinstance(answer.body, bytes)
        return AWSResponse(request.url, answer.status, HeadersDict(answer.headers), Raw(answer.body))

    def clear(self) -> None:
        """Begin with nothing deployed."""
        self.settle()
        registry = Registry(self._desk.registry.place)
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
    town = built(tmp_path_factory.mktemp("conformance"), account=ACCOUNT)
    stage = Stage(town)
    yield stage
    stage.settle()
    town.close()

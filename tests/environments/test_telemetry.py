"""Batches for listeners: when they are due, what is dropped, and that nothing goes while all is frozen."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from valve_aws.environments import telemetry as batches
from valve_aws.environments.telemetry import Telemetry
from valve_aws.environments.upstream import Caller
from valve_aws.model.telemetry import Subscription, Told
from valve_aws.runtime import telemetry

TO = Subscription("probe", "Telemetry", "2022-12-13", frozenset({"platform", "function"}), 4243, "/", 1000)
LINE = Told("function", "x" * 1000)


class Ear:
    """A listener that answers when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.answers = asyncio.Event()
        self.asked = asyncio.Event()
        self.gone = False

    async def send(self, batch: list[bytes]) -> None:
        self.asked.set()
        await self.answers.wait()
        if self.gone:
            raise ConnectionRefusedError
        self.batches.append([json.loads(event) for event in batch])

    def close(self) -> None:
        """Nothing to close."""


def played(play: Callable[[Telemetry, Ear], Any]) -> Ear:
    """Let somebody tell and somebody listen."""

    async def life() -> Ear:
        ear = Ear()
        told = Telemetry(telemetry, lambda: "2026-01-01T00:00:00.000Z", False, lambda _: ear)
        try:
            await play(told, ear)
        finally:
            told.end()
        return ear

    return asyncio.run(life())


def test_who_listens_late_hears_of_the_init_and_who_does_not_of_nothing() -> None:
    async def play(told: Telemetry, ear: Ear) -> None:
        ear.answers.set()
        told.tell(Told("platform.initStart", {}))
        told.tell(Told("extension", "not asked for"))
        told.subscribe(TO)
        told.closed()
        told.tell(Told("platform.end", {}))
        told.tell(Told("platform.start", {}))
        await told.flush(5)

    (batch,) = played(play).batches
    assert [event["type"] for event in batch] == ["platform.initStart", "platform.start"]


def test_a_full_batch_waits_for_no_time_and_a_slow_listener_hears_what_it_missed() -> None:
    async def play(told: Telemetry, ear: Ear) -> None:
        told.subscribe(TO)
        for _ in range(3000):
            told.tell(LINE)
        await ear.asked.wait()
        ear.answers.set()
        await told.flush(5)

    ear = played(play)
    sizes = [sum(event["type"] == "function" for event in batch) for batch in ear.batches]
    (dropped,) = [e["record"] for batch in ear.batches for e in batch if e["type"] == "platform.logsDropped"]
    assert max(sizes) * 1000 < TO.size + 1000
    assert sum(sizes) * 1000 <= 2 * TO.size
    assert sum(sizes) + dropped["droppedRecords"] == 3000
    assert dropped["droppedBytes"] > dropped["droppedRecords"] * 1000


def test_nothing_is_handed_over_while_the_environment_is_frozen() -> None:
    async def play(told: Telemetry, ear: Ear) -> None:
        ear.answers.set()
        told.subscribe(TO)
        told.sleep()
        told.tell(LINE)
        await told.flush(0.05)
        assert not ear.asked.is_set()
        told.wake()
        await told.flush(5)
        assert len(ear.batches) == 1

    played(play)


def test_a_listener_that_is_not_there_hears_later_that_something_was_lost() -> None:
    async def play(told: Telemetry, ear: Ear) -> None:
        ear.gone = True
        ear.answers.set()
        told.subscribe(TO)
        told.tell(LINE)
        await told.flush(5)
        ear.gone = False
        await told.flush(5)

    ((lost,),) = played(play).batches
    assert (lost["type"], lost["record"]["droppedRecords"]) == ("platform.logsDropped", 1)


def test_the_end_of_an_event_may_meet_the_end_of_a_listener_s_time(monkeypatch: pytest.MonkeyPatch) -> None:
    problems: list[Exception] = []
    monkeypatch.setattr(batches, "PATIENCE", 0.0)

    async def play(told: Telemetry, ear: Ear) -> None:
        def sleep() -> None:
            try:
                told.sleep()
            except Exception as problem:
                problems.append(problem)

        class Slow(Ear):
            async def send(self, batch: list[bytes]) -> None:
                asyncio.get_running_loop().call_soon(sleep)  # right behind the time's own end
                await super().send(batch)

        told._calls = lambda _: slow
        slow = Slow()
        told.subscribe(TO)
        told.tell(LINE)
        await told.flush(5)

    played(play)
    assert problems == []


def test_a_listener_over_tcp_that_has_gone_is_called_again() -> None:
    async def life() -> list[bytes]:
        with socket.create_server(("127.0.0.1", 0)) as there:
            to = Subscription("probe", "Logs", "2020-08-15", frozenset(), there.getsockname()[1], "")
            caller, got = Caller(socket.socket, to), []
            try:
                for _ in range(2):
                    await caller.send([b"{}"])
                    heard, _ = there.accept()
                    with heard:
                        got.append(heard.recv(100))
                        heard.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
                    with pytest.raises(OSError):
                        await caller.send([b"{}"])
            finally:
                caller.close()
            return got

    assert asyncio.run(life()) == [b"{}\n", b"{}\n"]

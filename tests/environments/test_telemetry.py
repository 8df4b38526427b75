"""Batches for listeners: when they are due, what is dropped, and that nothing goes while all is frozen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from valve_aws.environments.telemetry import Telemetry
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

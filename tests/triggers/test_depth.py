"""What a function says may be as deep as can be read at all: nothing that is made of it may fail for that.

Knows how deep this interpreter reads. Does not know how deep it writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.triggers.ground import Ground
from tests.triggers.test_pipes import FILES, sent
from valve_aws.runtime.telemetry import Subscription, Told, shaped
from valve_aws.triggers import afterwards, buses, streams
from valve_aws.triggers.afterwards import Attempt, End

__all__ = ["FILES"]
"""The application of these tests (`conftest.application`)."""


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def deepest() -> int:
    """Return the deepest array that is read from here."""
    least, most = 100, 1_000_000
    while most - least > 1:
        middle = (least + most) // 2
        try:
            json.loads(nested(middle))
            least = middle
        except RecursionError:
            most = middle
    return least


def depths() -> Iterator[int]:
    """Yield those at which reading may end: who reads may stand in more calls than we, or in fewer."""
    found = deepest()
    yield from range(found - 20, found + 60)


def destined(depth: int) -> bytes:
    payload, arn = nested(depth).encode(), "arn:aws:lambda:r:1:function:f"
    return afterwards.ended("i", arn, payload, Attempt(payload, False), End.SUCCESS, 1, 0)


def heard(depth: int) -> bytes | None:
    to = Subscription("probe", "Telemetry", "2022-12-13", frozenset({"function"}), 1)
    return shaped(to, Told("function", f'{{"a":{nested(depth)}}}'), "now", True)


def windowed(depth: int) -> bytes:
    with suppress(ValueError):
        state = streams.state_of(f'{{"state":{{"a":{nested(depth)}}}}}'.encode())
        return json.dumps(streams.windowed({"Records": []}, "s", "shard", 0, 60, state, False)).encode()
    return b"{}"


@pytest.mark.parametrize("made", [destined, heard, windowed])
def test_what_can_be_read_can_be_handed_on(made: Callable[[int], bytes]) -> None:
    texts = [made(depth) for depth in depths()]
    assert all(texts)


def test_what_is_too_deep_for_a_pipe_is_not_handed_on_and_all_else_goes_on(ground: Ground) -> None:
    bodies = [f'{{"n": {nested(depth)}}}' for depth in depths()]
    calls = [[*call[:2], {**call[2], "MessageBody": body}] for body in bodies for call in sent("STARTS", "")]
    for n in range(0, len(calls), 10):
        assert ground.invoke("Writer", {"calls": calls[n : n + 10]}) == "done", ground.said
    ground.drain()
    assert any("it was given is nested too deeply" in line for line in ground.said), ground.said
    assert ground.invoke("Writer", {"calls": sent("STARTS", {"n": 1})}) == "done"
    ground.drain()
    assert [{"n": 1}] in [json.loads(message["Body"]) for message in ground.taken("Heard")]


def test_an_event_that_is_too_deep_for_its_targets_is_told_to_nobody_and_all_else_goes_on(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why by hand: the embedded cloud reads the detail further down in calls, and takes none so deep."""
    put = {"id": {"S": "i"}}

    def shaped(event: Any, target: Any) -> bytes:
        value: Any = []
        for _ in range(100_000):
            value = [value]
        return json.dumps([event, value]).encode()

    with monkeypatch.context() as patch:
        patch.setattr(buses, "shaped", shaped)
        ground.client("dynamodb").put_item(TableName=ground.name("Items"), Item=put)
        ground.drain()
    assert "valve: what happened is told to nobody: it is nested too deeply" in ground.said
    ground.client("dynamodb").put_item(TableName=ground.name("Items"), Item={"id": {"S": "j"}})
    ground.drain()
    assert len(ground.taken("Heard")) == 1

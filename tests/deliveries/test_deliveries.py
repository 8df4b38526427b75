"""However a function reaches out, one proxy sees it, by operation and resource, and the law is the same.

Knows the ways of reaching out and what each is to come to. Does not know how a request is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.deliveries.conftest import Place
from tests.stories.world import Ran, World

pytestmark = pytest.mark.slow

WAYS = {
    "current boto3": "Current",
    "an SDK of 2019": "Aged",
    "signed by hand": "Signed",
    "raw sockets": "Sockets",
    "a child process": "Child",
    "a thread": "Thread",
    "work after the return": "Twice",
    "a custom endpoint": "Elsewhere",
}
"""Way of reaching out → the function that goes it."""

ACTS = {"Twice": "Later"}
"""Who makes the calls, where it is not the function that is invoked."""

each_way = pytest.mark.parametrize("function", WAYS.values(), ids=WAYS)

Stage = Callable[[], World]


def run(world: World, function: str, side: str, mode: str) -> Ran:
    """Send a function on its errand."""
    event = json.dumps({"to": side, "as": f"{function}-{mode}"})
    return world.invoke(function, "-e", "-", "--mode", mode, stdin=event)


def steps(function: str) -> set[str]:
    return {"s3", "sqs", "dynamodb"} | ({"tcp"} if function == "Sockets" else set())


def expected(function: str, status: int, tcp: str) -> dict[str, object]:
    """What a function returns whose every step came to one thing."""
    extra = {"Aged": {"sdk": "1.12.253"}, "Sockets": {"tcp": tcp}}
    return {**dict.fromkeys(("s3", "sqs", "dynamodb"), status), **extra.get(function, {})}


def seen(world: World, function: str) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return (operation, resource, verdict, rules) of all that a function was seen to do, in order.

    What a rule's name means beside `allow`: it spoke for the call.
    """
    mine = [r for r in world.records() if r["valve"]["function"] == ACTS.get(function, function)]
    assert len({record["valve"]["environment"] for record in mine}) == 1
    return [
        (
            f"{record['eventSource'].partition('.')[0]}:{record['eventName']}",
            record["resources"][0]["ARN"],
            record["valve"]["verdict"],
            tuple(reason["rule"] for reason in record["valve"]["reasons"]),
        )
        for record in mine
        if record["eventName"] not in {"Admit", "Result"} and record["valve"]["verdict"] != "settled"
    ]


def errand(function: str, side: str, verdict: str, rules: tuple[str, ...]) -> list[Any]:
    """Return what the errand is, to whoever sees it."""
    table = "arn:aws:dynamodb:us-east-1:123456789012:table"
    known = [
        ("dynamodb:GetItem", f"{table}/customers", "allow", ()),
        ("s3:PutObject", f"arn:aws:s3:::{side}-files", verdict, rules),
        ("sqs:SendMessage", f"arn:aws:sqs:us-east-1:123456789012:{side}-jobs", verdict, rules),
        ("dynamodb:PutItem", f"{table}/{side}-notes", verdict, rules),
    ]
    raw = ("valve:Connect", f"tcp://{side}.db.test:5432", verdict, rules)
    return [*known, raw] if function == "Sockets" else known


@each_way
def test_the_honest_twin_is_seen_whole_and_passes(function: str, stage: Stage, place: Place) -> None:
    world = stage()
    done = run(world, function, "keep", "enforce")
    assert (done.code, done.result) == (0, expected(function, 200, "kept")), done.err
    assert seen(world, function) == errand(function, "keep", "allow", ("accepts",))
    assert place.came("keep", f"{function}-enforce") == steps(function)


@each_way
def test_with_the_guard_off_it_arrives_where_nothing_may(function: str, stage: Stage, place: Place) -> None:
    world = stage()
    done = run(world, function, "drop", "off")
    assert (done.code, done.result) == (0, expected(function, 200, "kept")), done.err
    assert seen(world, function) == errand(function, "drop", "allow", ())
    assert place.came("drop", f"{function}-off") == steps(function)


@each_way
def test_enforced_it_is_refused_and_nothing_arrives(function: str, stage: Stage, place: Place) -> None:
    world = stage()
    done = run(world, function, "drop", "enforce")
    assert (done.code, done.result) == (3, expected(function, 403, "closed")), done.err
    assert seen(world, function) == errand(function, "drop", "refuse", ("accepts",))
    assert place.came("drop", f"{function}-enforce") == set()


@pytest.mark.parametrize("function", list(WAYS.values())[:5], ids=list(WAYS)[:5])
def test_in_audit_it_arrives_and_is_noted(function: str, stage: Stage, place: Place) -> None:
    world = stage()
    done = run(world, function, "drop", "audit")
    assert (done.code, done.result) == (0, expected(function, 200, "kept")), done.err
    assert seen(world, function) == errand(function, "drop", "refuse", ("accepts",))
    assert place.came("drop", f"{function}-audit") == steps(function)

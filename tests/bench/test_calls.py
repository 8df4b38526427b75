"""What a guarded AWS call adds to the same call made without a valve.

Knows which calls. Does not judge: budgets are marked in the table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.bench.conftest import APP, Talker, Valves, client, stocked, unguarded
from tests.bench.figures import Figures, Row, interleaved
from tests.differential.emulator import emulator

BUDGET = 1.0
"""ms that a guarded call may add at the median."""
ROUNDS, EACH = 20, 10
CALLS = ("S3 GetObject 1 KB", "S3 PutObject 1 KB", "DynamoDB GetItem", "DynamoDB PutItem", "SQS SendMessage")


@pytest.mark.bench
def test_what_a_guarded_call_adds(
    guarded: Valves, plain: Callable[[str, dict[str, str]], Talker], moto_server: int, figures: Figures
) -> None:
    """Every way but one talks to the same embedded cloud, on kept connections; the guarded one over captured
    TLS, in `enforce`, with labels that are raised and settled, in a warm environment whose events bring what
    it reads. The one is what people have who run moto's own server."""
    valve = guarded()
    environ = unguarded(valve.ask({"ask": "cloud"})["port"])
    stock = stocked(moto_server, environ)
    clouds = [partial(drained, client(each, "sqs"), each["QUEUE"]) for each in (environ, stock)]
    child, other = plain("calls", environ), plain("calls", stock)
    with emulator(APP / "calls", environ) as peer:
        first = {"call": "S3 PutObject 1 KB", "times": 1}
        valve.invoke("Calls", first, "Calls.Api")
        other.ask(first)
        for call in CALLS:
            event = {"call": call, "times": EACH}
            ways = {
                "moto server": partial(other.ask, event),
                "no valve": partial(child.ask, event),
                "emulator": partial(peer.invoke, event),
                "valve": partial(valve.invoke, "Calls", event, "Calls.Api"),
            }
            ways = {name: partial(after, clouds, way) for name, way in ways.items()}
            found = interleaved(ROUNDS, ways, 1000)
            found["x none"] = found["valve"] / found["no valve"]
            added = found["valve"] - found["no valve"]
            figures.add("added to an AWS call", Row(call, "ms", found, added, BUDGET, ROUNDS * EACH))


def after(clouds: list[partial[None]], way: Callable[[], Any]) -> Any:
    """Run one way on empty queues: moto walks through all that waits there for every message it takes."""
    for drain in clouds:
        drain()
    return way()


def drained(sqs: Any, queue: str) -> None:
    """Take every message out of a queue."""
    while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        entries = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(found)]
        sqs.delete_message_batch(QueueUrl=queue, Entries=entries)

"""What looking for canaries costs a KB that has none, and what the lines of `valve.lock` cost a record.

Knows what is typical of content and records. Does not judge: budgets are marked in the table.
"""

from __future__ import annotations

import base64
import json
import os
import random
import statistics
import time
from collections.abc import Callable

import pytest

from tests.bench.figures import Figures, Row
from valve_aws.canary import Lookout, Place, hatch
from valve_aws.lockfile import Lock, Names, compare, renewed, uses, written
from valve_aws.model.record import Record
from valve_aws.model.verdict import Mode

KB = 64
LOOK, RECORDS = 10.0, 100_000
"""Microseconds a KB; records."""


def timed(act: Callable[[], object], runs: int) -> float:
    """Return the median of so many runs, in seconds of this process."""
    taken = []
    for _ in range(runs):
        before = time.process_time()
        act()
        taken.append(time.process_time() - before)
    return statistics.median(taken)


@pytest.mark.bench
def test_what_looking_for_canaries_costs(figures: Figures) -> None:
    lookout, place = Lookout(hatch(os.urandom)), Place("Worker", "s3", "PutObject")
    source = random.Random(1)
    rows = [{"id": n, "name": f"Alice Archer {n}", "at": source.random()} for n in range(2000)]
    contents = {
        "JSON": json.dumps(rows).encode()[: KB << 10],
        "random": source.randbytes(KB << 10),
        "base64": base64.b64encode(source.randbytes(KB * 768)),
    }
    assert {len(content) for content in contents.values()} == {KB << 10}
    for what, content in contents.items():
        took = timed(lambda content=content: lookout.look(place, "its body", content), 50) * 1e6 / KB
        row = Row(f"looking through 64 KB of {what}, a KB", "µs", {"lookout": took}, took, LOOK, 50)
        figures.add("evidence", row)
    small = b'{"TableName": "orders", "Key": {"id": {"S": "ORD-17"}}}'
    took = timed(lambda: [lookout.look(place, "its body", small) for _ in range(100)], 50) * 1e4
    figures.add("evidence", Row("looking through 55 bytes", "µs", {"lookout": took}, took, LOOK, 50))
    assert lookout.sightings == []


@pytest.mark.bench
def test_what_the_lines_of_a_lockfile_cost(figures: Figures) -> None:
    def record(number: int) -> Record:
        table = f"arn:aws:dynamodb:us-east-1:123456789012:table/table-{number % 20}"
        bucket = number % 3 == 0
        return Record(
            f"r-{number}",
            "2026-11-29T00:00:00Z",
            "s3" if bucket else "dynamodb",
            "PutObject" if bucket else "GetItem",
            "us-east-1",
            "123456789012",
            "allow",
            Mode.AUDIT,
            f"Function{number % 10}",
            "environment",
            "invocation",
            ("arn:aws:s3:::uploads",) if bucket else (table,),
            {"key": f"orders/2026/{number}.json"} if bucket else {"item": f"table/{number}"},
        )

    records = [record(number) for number in range(RECORDS)]
    names = Names({"arn:aws:s3:::uploads": "Uploads"}, "123456789012", "us-east-1")
    used = uses(records, names)
    lock = renewed(Lock(), used)
    assert compare(used, lock).new == ()
    for what, act, runs in (
        ("uses of 100,000 records", lambda: uses(records, names), 5),
        (f"comparing and writing {len(used)} lines", lambda: (compare(used, lock), written(lock)), 20),
    ):
        took = timed(act, runs) * 1000
        figures.add("evidence", Row(what, "ms", {"lockfile": took}, took, 1000.0, runs))

"""What the cooperative guard adds to a call of boto3 under moto's in-process mock.

Knows which calls. Does not judge: budgets are marked in the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import boto3
import pytest
from moto import mock_aws

import valve_aws
from tests.bench.figures import Figures, Row, interleaved
from tests.hook.conftest import APP, create, queue

BUDGET = 60.0
"""µs that the guard may add to a call at the median."""
ROUNDS, EACH = 20, 20


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Callable[[], Any]]]:
    """Five calls by clients made before, on tables and queues that stay small."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        create()
        s3, sqs, dynamodb = (boto3.client(name) for name in ("s3", "sqs", "dynamodb"))
        url = queue("vault")
        row = {"id": {"S": "c1"}, "email": {"S": "a@b.c"}}
        yield {
            "S3 PutObject 1 KB": partial(s3.put_object, Bucket="uploads-bucket", Key="k", Body=b"x" * 1024),
            "S3 GetObject 1 KB": partial(s3.get_object, Bucket="uploads-bucket", Key="k"),
            "DynamoDB PutItem": partial(dynamodb.put_item, TableName="customers", Item=row),
            "DynamoDB GetItem": partial(dynamodb.get_item, TableName="customers", Key={"id": {"S": "c1"}}),
            "SQS SendMessage": partial(sqs.send_message, QueueUrl=url, MessageBody="x"),
        }


def timed(call: Callable[[], Any]) -> Sequence[float]:
    """Return the thread's own time for each call: all of it is spent there, moto's share too, and nothing
    else."""
    taken = []
    for _ in range(EACH):
        began = time.thread_time()
        call()
        taken.append(time.thread_time() - began)
    return taken


@pytest.mark.bench
def test_what_the_hook_adds(calls: dict[str, Callable[[], Any]], figures: Figures) -> None:
    """In `enforce`, called by a handler that carries a label; the queue is emptied in between."""
    from moto.sqs.models import sqs_backends

    guard = valve_aws.guard(policy=APP / "valve.yaml", say=lambda _: None)

    def guarded(call: Callable[[], Any]) -> Sequence[float]:
        with guard:
            calls["S3 PutObject 1 KB"]()
            found: Sequence[float] = guard.handler("Worker", lambda event, context: labelled(call))({}, None)
        return found

    def labelled(call: Callable[[], Any]) -> Sequence[float]:
        calls["S3 GetObject 1 KB"]()
        return timed(call)

    def emptied(way: Callable[[], Sequence[float]]) -> Sequence[float]:
        sqs_backends["123456789012"]["us-east-1"].get_queue("vault")._messages.clear()
        return way()

    for name, call in calls.items():
        ways = {"boto3": partial(timed, call), "guarded": partial(guarded, call)}
        found = interleaved(ROUNDS, {k: partial(emptied, w) for k, w in ways.items()}, 1e6)
        added = found["guarded"] - found["boto3"]
        figures.add("cooperative: added to a call", Row(name, "µs", found, added, BUDGET, ROUNDS * EACH))


@pytest.mark.bench
def test_what_a_guard_of_its_own_costs_a_test(figures: Figures) -> None:
    """Making one and entering it, template and policy read anew each time."""

    def made() -> Sequence[float]:
        began = time.perf_counter()
        with valve_aws.guard(policy=APP / "valve.yaml"):
            return [time.perf_counter() - began]

    kept = valve_aws.guard(policy=APP / "valve.yaml")

    def entered() -> Sequence[float]:
        began = time.perf_counter()
        with kept:
            return [time.perf_counter() - began]

    found = interleaved(ROUNDS, {"made": made, "entered again": entered}, 1000)
    figures.add("cooperative: a guard", Row("for one test", "ms", found, runs=ROUNDS))

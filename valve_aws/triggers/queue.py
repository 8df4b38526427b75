"""A queue that wakes a function.

Knows the event of an SQS event source mapping (Lambda developer guide, "Using Lambda with Amazon SQS") and
law 13. Does not know
how messages are received.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valve_aws.model.label import Label
from valve_aws.model.verdict import Holding

LARGEST_RECEIVED = 10
"""Messages in one ReceiveMessage, and the default `BatchSize` of a mapping."""

LARGEST_BATCH = 10_000
"""The most messages of one batch of a standard queue."""


@dataclass(frozen=True, slots=True)
class Message:
    """One received message: ReceiveMessage's own members, and what the book holds of it."""

    body: Mapping[str, Any]
    holding: Holding

    @property
    def ident(self) -> str:
        """The message id."""
        return str(self.body["MessageId"])


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that go into one event: one label, unless the source is ordered."""

    messages: tuple[Message, ...]
    holding: Holding


def batches(messages: Sequence[Message], ordered: bool) -> tuple[Batch, ...]:
    """Split what was received by label (law 13); an ordered source is not split, its labels join."""
    if not messages:
        return ()
    if ordered:
        return (Batch(tuple(messages), _joined(messages)),)
    groups: dict[tuple[Label, bool], list[Message]] = {}
    for message in messages:
        groups.setdefault((message.holding.label, message.holding.complete), []).append(message)
    return tuple(Batch(tuple(group), _joined(group)) for group in groups.values())


def _joined(messages: Sequence[Message]) -> Holding:
    ways = {way.tag: way for m in reversed(messages) for way in m.holding.ways}
    label = frozenset().union(*(m.holding.label for m in messages))
    complete = all(m.holding.complete for m in messages)
    return Holding(label, complete, tuple(ways[tag] for tag in sorted(ways)))


def event(batch: Batch, arn: str, window: bool = False) -> bytes:
    """Return the event of a batch, as AWS shapes it. `window`: the mapping gathers for a while."""
    records = [record(message.body, arn, window) for message in batch.messages]
    return json.dumps({"Records": records}, ensure_ascii=False).encode()


def record(message: Mapping[str, Any], arn: str, window: bool = False) -> dict[str, Any]:
    """Return a message, as ReceiveMessage gives it, as a record of an event.

    A message without attributes has no digest of them; where a mapping gathers for a while, AWS was recorded
    to say so with null.
    """
    digest = message.get("MD5OfMessageAttributes")
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes") or {}),
        "messageAttributes": {k: _attribute(v) for k, v in (message.get("MessageAttributes") or {}).items()},
        **({"md5OfMessageAttributes": digest} if digest or window else {}),
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    names = {"StringValue": "stringValue", "BinaryValue": "binaryValue", "DataType": "dataType"}
    shaped: dict[str, Any] = {names[k]: v for k, v in value.items() if k in names}
    return {**shaped, "stringListValues": [], "binaryListValues": []}


def failed(batch: Batch, payload: bytes, error: bool, reports: bool) -> frozenset[str]:
    """Return the ids of the messages that were not done with.

    `reports`: the mapping has `ReportBatchItemFailures`. An answer of the wrong shape fails the whole
    batch, as on AWS.
    """
    every = frozenset(m.ident for m in batch.messages)
    if error:
        return every
    if not reports:
        return frozenset()
    try:
        answer = json.loads(payload)
        listed = (answer or {}).get("batchItemFailures") or []
        named = frozenset(str(entry["itemIdentifier"]) for entry in listed)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return every
    return named if named <= every else every

"""Streams that wake functions: the events of a table's stream and of a data stream, and what is done with a
batch that failed.

Knows both shapes and the rules of their mappings (Lambda developer guide, "Using Lambda with DynamoDB",
"Processing and analyzing Kinesis streams"). Does not know how records are read.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from valve_aws.model.verdict import Holding
from valve_aws.triggers import afterwards

FOREVER = -1
"""`MaximumRetryAttempts` and `MaximumRecordAgeInSeconds` without a limit."""

LARGEST_STATE = 1 << 20
"""Bytes of a tumbling window's state."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One record of a stream."""

    record: Mapping[str, Any]
    """As the function sees it."""
    holding: Holding
    number: str
    """Its sequence number."""
    key: str
    """What has an order of its own: an item's key, a partition key."""
    arrived: float
    """Seconds since the epoch, as the stream tells."""
    came: float
    """The same by the clock that ages go by."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a mapping says."""

    size: int
    window: float
    retries: int
    age: int
    bisects: bool
    reports: bool
    lanes: int
    tumbling: int
    on_failure: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Rules:
        """Read the properties of a mapping, SAM's or the API's."""

        def number(name: str, default: int) -> int:
            value = told.get(name)
            return default if value in (None, "") else int(str(value))

        failure = (told.get("DestinationConfig") or {}).get("OnFailure") or {}
        return cls(
            number("BatchSize", 100),
            float(number("MaximumBatchingWindowInSeconds", 0)),
            number("MaximumRetryAttempts", FOREVER),
            number("MaximumRecordAgeInSeconds", FOREVER),
            str(told.get("BisectBatchOnFunctionError")).lower() == "true",
            "ReportBatchItemFailures" in (told.get("FunctionResponseTypes") or ()),
            max(1, number("ParallelizationFactor", 1)),
            number("TumblingWindowInSeconds", 0),
            str(failure.get("Destination") or ""),
        )


def of_table(record: Mapping[str, Any], stream: str, region: str) -> dict[str, Any]:
    """Return a record of a table's stream, as GetRecords gives it, as a record of an event; its time is
    rounded down to a second (DynamoDB Streams API, StreamRecord)."""
    change = {**record["dynamodb"]}
    change["ApproximateCreationDateTime"] = seconds(change.get("ApproximateCreationDateTime")) // 1
    return {
        "eventID": record.get("eventID", ""),
        "eventName": record["eventName"],
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        "dynamodb": change,
        "eventSourceARN": stream,
    }


def of_stream(
    record: Mapping[str, Any], stream: str, shard: str, region: str, role: str
) -> dict[str, Any]:
    """Return a record of a data stream, as GetRecords gives it, as a record of an event. `role` is the ARN
    of the role that the function has."""
    number = str(record["SequenceNumber"])
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": number,
            "data": record["Data"],
            "approximateArrivalTimestamp": seconds(record.get("ApproximateArrivalTimestamp")),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": role,
        "awsRegion": region,
        "eventSourceARN": stream,
    }


def typed(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return key attributes as DynamoDB's own JSON means them: bytes are in base64 there."""
    return {
        name: {kind: base64.b64decode(given) if kind == "B" else given for kind, given in value.items()}
        for name, value in keys.items()
    }


def seconds(told: Any) -> float:
    """Return a time of a record as seconds since the epoch; 0 when there is none."""
    if isinstance(told, (int, float)):
        return float(told)
    try:
        found = datetime.fromisoformat(str(told))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        return 0.0


def unchanged(record: Mapping[str, Any]) -> bool:
    """Say whether nothing was changed, of which a table's stream has no record."""
    change = record["dynamodb"]
    return "NewImage" in change and change["NewImage"] == change.get("OldImage")


def lane(key: str, lanes: int) -> int:
    """Return which of a shard's lanes has the records of a key, which stay in their order."""
    return int.from_bytes(sha256(key.encode()).digest()[:4]) % lanes


def event(batch: Sequence[Taken]) -> dict[str, Any]:
    """Return the event of a batch."""
    return {"Records": [dict(taken.record) for taken in batch]}


def carried(holdings: Iterable[Holding]) -> Holding:
    """Return what a batch carries: of a source that has an order labels join (law 13)."""
    held = list(holdings)
    label = frozenset[str]().union(*(h.label for h in held))
    ways = {way.tag: way for h in reversed(held) for way in h.ways}
    return Holding(label, all(h.complete for h in held), tuple(ways[tag] for tag in sorted(ways)))


def undone(batch: Sequence[Taken], payload: bytes, failed: bool, reports: bool) -> int | None:
    """Return the place of the first record that a function was not done with; None when it was with all.

    An answer of the wrong shape fails the whole batch, as on AWS.
    """
    if failed:
        return 0
    if not reports:
        return None
    try:
        listed = (json.loads(payload) or {}).get("batchItemFailures") or []
        named = {str(entry["itemIdentifier"]) for entry in listed}
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return 0
    places = [i for i, taken in enumerate(batch) if taken.number in named]
    return min(places) if len(places) == len(named) and places else (0 if named else None)


def halves(batch: Sequence[Taken]) -> tuple[tuple[Taken, ...], ...]:
    """Return a batch in two."""
    middle = (len(batch) + 1) // 2
    return tuple(half for half in (tuple(batch[:middle]), tuple(batch[middle:])) if half)


def given_up(
    batch: Sequence[Taken],
    stream: str,
    shard: str,
    function: str,
    ident: str,
    why: str,
    tries: int,
    failed: bool,
    now: float,
) -> dict[str, Any]:
    """Return what a destination is told of a batch that is given up: `RetryAttemptsExhausted` or
    `RecordAgeExceeded`; its records themselves it may read from the stream.

    `function` is the ARN of who was to be woken, a function or a pipe: of that less is told. `failed` says
    that the last try ended with an error, not with a report of what it was not done with. No try is told of
    where age ended it, and its count has one more, as on AWS.
    """
    aged, table = why == "RecordAgeExceeded", ":dynamodb:" in stream
    piped = ":pipes:" in function
    called = {"requestId": ident, "functionArn": function, "condition": why}
    told: dict[str, Any] = {
        **(
            {"context": {"partnerResourceArn": function, "condition": why}}
            if piped
            else {"requestContext": {**called, "approximateInvokeCount": tries + aged}}
        ),
        "version": "1.0",
        "timestamp": afterwards.stamp(now),
    }
    if not aged and not piped:
        told["responseContext"] = {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled" if failed else None,
        }

    def arrived(taken: Taken) -> str:
        return afterwards.whole(taken.arrived) if table else afterwards.stamp(taken.arrived)

    told["DDBStreamBatchInfo" if table else "KinesisBatchInfo"] = {
        "shardId": shard,
        "startSequenceNumber": batch[0].number,
        "endSequenceNumber": batch[-1].number,
        "approximateArrivalOfFirstRecord": arrived(batch[0]),
        "approximateArrivalOfLastRecord": arrived(batch[-1]),
        "batchSize": len(batch),
        "streamArn": stream,
    }
    return told


def windowed(
    event: Mapping[str, Any], stream: str, shard: str, began: float, seconds: int, state: Any, final: bool
) -> dict[str, Any]:
    """Return an event with what belongs to a tumbling window."""

    def at(time: float) -> str:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    return {
        **event,
        "window": {"start": at(began), "end": at(began + seconds)},
        "state": state,
        "shardId": shard,
        "eventSourceARN": stream,
        "isFinalInvokeForWindow": final,
        "isWindowTerminatedEarly": False,
    }


def state_of(payload: bytes) -> Any:
    """Return the state that a function hands to its window's next invocation. Raises ValueError."""
    try:
        told = json.loads(payload)
        state = (told or {}).get("state", {})
    except (AttributeError, RecursionError) as error:
        raise ValueError("an answer in a window is an object with `state`") from error
    if len(json.dumps(state).encode()) > LARGEST_STATE:
        raise ValueError("the state of a window is larger than 1 MB")
    return state or {}

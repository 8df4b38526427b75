"""What arrives at a function's door, as far as LocalStack tells of it, and what it is taken out of.

Knows the events of Lambda's triggers (Lambda developer guide, "Using Lambda with …"). Does not know labels.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from valve_aws.aws import names
from valve_aws.model.cell import Extent, one
from valve_aws.model.ports import Tables
from valve_aws.triggers import streams

LARGEST_LOG = 1 << 20
"""Bytes of an unpacked batch of log events that are read to learn whose they are."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One invocation, as LocalStack hands it over."""

    ident: str
    """The request id; retries of one event have the same."""
    arn: str
    """The name that it was invoked by."""
    payload: bytes
    trace: str = ""
    seen: bool = False
    """The request came by the gateway, so what follows is known; a function's URL leads past it."""
    asynchronous: bool = False
    internal: bool = False
    """LocalStack itself invoked, for a trigger or a workflow, and nobody from outside."""
    principal: str = ""
    """For which of its services it did: `s3`, `events` …; "" for a mapping or a state machine."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One record of an event: which store it was taken out of, and which of its cells."""

    store: str
    extents: tuple[Extent, ...]
    ident: str = ""
    """By which a function names it in `batchItemFailures`."""


class Unrecognised(Exception):
    """It looks like a trigger's event, and what it was taken out of cannot be told (law 7)."""


def taken(payload: bytes, tables: Tables, region: str, account: str) -> tuple[str, tuple[Taken, ...]]:
    """Return (event source, what each record was taken out of); ("", ()) for an event of no trigger.

    The envelope is LocalStack's, what is in it may be anybody's: nothing within a body is looked at. Raises
    `Unrecognised`.
    """
    try:
        event = json.loads(payload)
    except (ValueError, RecursionError):
        return "", ()
    if not isinstance(event, dict):
        return "", ()
    if isinstance(logs := event.get("awslogs"), dict):
        return "aws:logs", (_log_group(logs, region, account),)
    records = event.get("Records", [event] if "eventSource" in event else None)
    if not isinstance(records, list) or not records or not all(isinstance(r, dict) for r in records):
        return "", ()
    sources = {str(r.get("eventSource") or r.get("EventSource") or "") for r in records}
    if sources == {""}:
        return "", ()
    source = sources.pop()
    if sources or source not in READERS:
        raise Unrecognised(f"records of `{source[:60]}`")
    try:
        return source, tuple(READERS[source](record, tables) for record in records)
    except (KeyError, TypeError, ValueError, AttributeError, names.NotCanonical) as error:
        raise Unrecognised(f"a record of `{source}`: {error!r}") from error


def _object(record: Mapping[str, Any], _: Tables) -> Taken:
    store = names.bucket(record["s3"]["bucket"]["name"])
    key = unquote_plus(record["s3"]["object"]["key"])
    return Taken(store, (one(store, key),))


def _message(record: Mapping[str, Any], _: Tables) -> Taken:
    store, ident = _arn(record["eventSourceARN"], "sqs"), str(record["messageId"])
    return Taken(store, (one(store, ident),), ident)


def _notice(record: Mapping[str, Any], _: Tables) -> Taken:
    store = names.topic(_arn(record["Sns"]["TopicArn"], "sns"))
    return Taken(store, (one(store, str(record["Sns"]["MessageId"])),))


def _image(record: Mapping[str, Any], tables: Tables) -> Taken:
    """Why the item alone: both images are of it, now or before, and so is that something happened to it."""
    store = names.table_of(_arn(record["eventSourceARN"], "dynamodb"))
    change, schema = record["dynamodb"], tables(store)
    ident = str(change.get("SequenceNumber") or "")
    if schema is None:
        return Taken(store, (Extent(store),), ident)
    name = names.item(streams.typed(change["Keys"]), schema)
    return Taken(store, (one(store, name),), ident)


def _sequence(record: Mapping[str, Any], _: Tables) -> Taken:
    store = _arn(record["eventSourceARN"], "kinesis")
    return Taken(store, (Extent(store),), str(record["kinesis"]["sequenceNumber"]))


READERS: Mapping[str, Callable[[Mapping[str, Any], Tables], Taken]] = {
    "aws:s3": _object,
    "aws:sqs": _message,
    "aws:sns": _notice,
    "aws:dynamodb": _image,
    "aws:kinesis": _sequence,
}
"""Event source → what one of its records was taken out of."""

SPLIT = frozenset({"aws:sqs"})
"""Sources that promise no order, so that a batch of theirs may be split (law 13), FIFO queues aside."""

OF_PRINCIPAL: Mapping[str, str] = {"s3": "aws:s3", "sns": "aws:sns", "logs": "aws:logs"}
"""Service that invokes → what its events must be."""

POLLED = frozenset({"aws:sqs", "aws:dynamodb", "aws:kinesis"})
"""Sources that wait for the outcome, and may be told which records failed."""


def _arn(written: Any, service: str) -> str:
    text = str(written)
    if not text.startswith("arn:") or text.split(":")[2] != service:
        raise ValueError(f"`{text[:80]}` is no ARN of `{service}`")
    return text


def _log_group(logs: Mapping[str, Any], region: str, account: str) -> Taken:
    try:
        with gzip.GzipFile(fileobj=_stream(logs)) as packed:
            group = json.loads(packed.read(LARGEST_LOG))["logGroup"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unrecognised(f"a batch of log events: {error!r}") from error
    store = f"arn:aws:logs:{region}:{account}:log-group:{group}"
    return Taken(store, (Extent(store),))


def _stream(logs: Mapping[str, Any]) -> Any:
    from io import BytesIO

    return BytesIO(base64.b64decode(str(logs["data"])))


def parts(event: bytes, groups: Iterable[list[int]]) -> list[bytes]:
    """Return an event of each group of its records, by their places."""
    whole = json.loads(event)
    return [
        json.dumps({**whole, "Records": [whole["Records"][i] for i in group]}, ensure_ascii=False).encode()
        for group in groups
    ]


def told_of(payload: str | bytes) -> str:
    """Return the id of the invocation that a destination is told of (Lambda developer guide, "Adding a
    destination"); "" for any other event."""
    try:
        return str(json.loads(payload)["requestContext"]["requestId"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""


def by_url(payload: bytes) -> bool:
    """Say whether an event has the shape that a function's URL gives it (Lambda developer guide, "Request
    payload format")."""
    try:
        event = json.loads(payload)
        return bool(event["routeKey"] == "$default" and event["requestContext"]["domainPrefix"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return False


def transformed(payload: bytes) -> bool:
    """Say whether an event has the shape that Firehose gives what it wants transformed (Firehose developer
    guide, "Data transformation")."""
    try:
        return isinstance(json.loads(payload)["records"], list)
    except (ValueError, RecursionError, KeyError, TypeError):
        return False


def undone(answer: bytes, idents: Sequence[str], failed: bool, reports: bool) -> tuple[str, ...]:
    """Return the records that a function was not done with.

    An answer of the wrong shape fails them all, as on AWS; of a stream the first that failed and all after it
    come again.
    """
    if failed:
        return tuple(idents)
    if not reports:
        return ()
    try:
        listed = (json.loads(answer) or {}).get("batchItemFailures") or []
        named = [str(entry["itemIdentifier"]) for entry in listed]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return tuple(idents)
    return tuple(named) if set(named) <= set(idents) else tuple(idents)


def failures(idents: Sequence[str]) -> bytes:
    """Return the report that names records that a function was not done with."""
    return json.dumps({"batchItemFailures": [{"itemIdentifier": ident} for ident in idents]}).encode()

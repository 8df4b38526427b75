"""What is handed on to a queue, a topic, a bus, a bucket, a stream, a function or a state machine, as the
call that puts it there.

Knows which call that is, by the target's ARN. Does not know who makes it, nor whether it may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Parcel:
    """Something that is handed on."""

    content: bytes
    attributes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """(type, value) by name."""
    group: str = ""
    """For a FIFO target."""
    duplicate: str = ""
    """By which a FIFO target knows a second one."""
    detail: str = ""
    """`detail-type` on a bus."""
    source: str = "lambda"
    """`source` on a bus."""
    resources: tuple[str, ...] = ()
    key: str = ""
    """In a bucket; what a stream parts its records by."""
    trace: str = ""
    """The X-Ray header of what it comes of, for a queue."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: botocore's names. `body` is what streams beside the parameters."""

    service: str
    operation: str
    params: Mapping[str, Any]
    body: bytes = b""


def asked(target: str, parcel: Parcel) -> Asked | None:
    """Return the call that puts a parcel into a target; None for a target of another kind."""
    service = target.split(":")[2] if target.startswith("arn:") and target.count(":") >= 5 else ""
    other = service == "events" and ":event-bus/" not in target  # as an API destination is
    maker = None if other else MAKERS.get(service)
    return maker(target, parcel) if maker else None


def queue_url(arn: str) -> str:
    """Return the URL of a queue."""
    _, partition, _, region, account, name = arn.split(":", 5)
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return f"https://sqs.{region}.{suffix}/{account}/{name}"


def _text(parcel: Parcel) -> str:
    return parcel.content.decode("utf-8", "replace")


def _attributes(parcel: Parcel) -> dict[str, Any]:
    typed = {
        name: {"DataType": kind, "StringValue": value} for name, (kind, value) in parcel.attributes.items()
    }
    return {"MessageAttributes": typed} if typed else {}


def _fifo(target: str, parcel: Parcel) -> dict[str, str]:
    if not target.endswith(".fifo"):
        return {"MessageGroupId": parcel.group} if parcel.group and ":sqs:" in target else {}
    told = {"MessageGroupId": parcel.group or "lambda"}
    return {**told, "MessageDeduplicationId": parcel.duplicate} if parcel.duplicate else told


def _queue(target: str, parcel: Parcel) -> Asked:
    given: dict[str, Any] = {"QueueUrl": queue_url(target), "MessageBody": _text(parcel)}
    if parcel.trace:
        header = {"DataType": "String", "StringValue": parcel.trace}
        given["MessageSystemAttributes"] = {"AWSTraceHeader": header}
    return Asked("sqs", "SendMessage", {**given, **_attributes(parcel), **_fifo(target, parcel)})


def _topic(target: str, parcel: Parcel) -> Asked:
    given = {"TopicArn": target, "Message": _text(parcel)}
    return Asked("sns", "Publish", {**given, **_attributes(parcel), **_fifo(target, parcel)})


def _bus(target: str, parcel: Parcel) -> Asked:
    entry = {
        "Source": parcel.source,
        "DetailType": parcel.detail,
        "Detail": _text(parcel),
        "Resources": list(parcel.resources),
        "EventBusName": target.rpartition("/")[2],
    }
    return Asked("events", "PutEvents", {"Entries": [entry]})


def _bucket(target: str, parcel: Parcel) -> Asked:
    return Asked("s3", "PutObject", {"Bucket": target.split(":", 5)[5], "Key": parcel.key}, parcel.content)


def _function(target: str, parcel: Parcel) -> Asked:
    given = {"FunctionName": target, "InvocationType": "Event", "Payload": parcel.content}
    return Asked("lambda", "Invoke", given)


def _stream(target: str, parcel: Parcel) -> Asked:
    given = {"StreamName": target.rpartition("/")[2], "PartitionKey": parcel.key, "Data": parcel.content}
    return Asked("kinesis", "PutRecord", given)


def _machine(target: str, parcel: Parcel) -> Asked:
    return Asked("stepfunctions", "StartExecution", {"stateMachineArn": target, "input": _text(parcel)})


MAKERS = {
    "sqs": _queue,
    "sns": _topic,
    "events": _bus,
    "s3": _bucket,
    "lambda": _function,
    "states": _machine,
    "kinesis": _stream,
}

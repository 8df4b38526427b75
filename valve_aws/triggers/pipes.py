"""What a pipe reads, and what it makes of that for its enrichment and its target.

Knows EventBridge Pipes' events, templates and parameters (EventBridge user guide, "Amazon EventBridge Pipes";
Pipes API, CreatePipe). Does not know how anything is read, nor who may have it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valve_aws.model.stack import Resource, Trigger
from valve_aws.triggers import afterwards, buses
from valve_aws.triggers.queue import LARGEST_BATCH
from valve_aws.triggers.sending import Parcel, asked

SOURCES: Mapping[str, tuple[str, str]] = {
    "sqs": ("SQS", "SqsQueueParameters"),
    "dynamodb": ("DynamoDB", "DynamoDBStreamParameters"),
    "kinesis": ("Kinesis", "KinesisStreamParameters"),
}
"""Service → its kind of trigger, and where a pipe says how it is read."""

EACH: Mapping[str, int] = {"sqs": 10, "sns": 10, "events": 10, "kinesis": 500}
"""Service that is given one event at a time → the most that it takes of a batch (user guide, "Batching and
concurrency"); functions and executions get all of it in one array."""

ENCODED = {"aws:sqs": "body", "aws:kinesis": "data"}
"""Source of an event → what of it a path looks into (user guide, "Implicit body data parsing")."""

IDENTS = {"aws:sqs": "messageId", "aws:dynamodb": "SequenceNumber", "aws:kinesis": "sequenceNumber"}

FIELD = re.compile(r"<\s*(\$[^<>]*?|aws\.pipes\.[a-z.-]+)\s*>")


@dataclass(frozen=True, slots=True)
class Pipe:
    """One pipe. ARNs are "" where the template does not resolve them, or names none."""

    logical: str
    name: str
    source: str
    enrichment: str
    target: str
    told: Mapping[str, Any]

    @property
    def arn(self) -> str:
        """Return its ARN: it is where its source is."""
        _, partition, _, region, account, _ = self.source.split(":", 5)
        return f"arn:{partition}:pipes:{region}:{account}:pipe/{self.name}"

    @property
    def trigger(self) -> Trigger | None:
        """Return how it is fed, as if it were a function with a mapping, with its own ARN and role as `Arn`
        and `RoleArn`; None where its source is not covered."""
        kind, member = SOURCES.get(service(self.source), ("", ""))
        if not kind:
            return None
        parameters = _object(self.told.get("SourceParameters"))
        rules = _object(parameters.get(member))
        return Trigger(
            self.logical,
            "Source",
            kind,
            self.source,
            {
                **rules,
                "FilterCriteria": parameters.get("FilterCriteria"),
                "Enabled": str(self.told.get("DesiredState") or "RUNNING") != "STOPPED",
                "BisectBatchOnFunctionError": rules.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT",
                "DestinationConfig": {
                    "OnFailure": {"Destination": _object(rules.get("DeadLetterConfig")).get("Arn")}
                },
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "Arn": self.arn,
                "RoleArn": self.told.get("RoleArn"),
            },
        )

    @property
    def single(self) -> bool:
        """Say whether its target is given one event at a time."""
        return service(self.target) in EACH and asked(self.target, Parcel(b"")) is not None

    @property
    def most(self) -> int:
        """Return the most events that its target takes of an enrichment; more are given to nobody."""
        return EACH.get(service(self.target), LARGEST_BATCH)

    @property
    def feeds(self) -> bool:
        """Say whether it is known how its target, which is no function, is given anything."""
        return self.single or service(self.target) == "states"

    @property
    def waits(self) -> bool:
        """Say whether a function that is its target is waited for, and fails its batch."""
        said = _object(self._for_target("LambdaFunctionParameters")).get("InvocationType")
        return said != "FIRE_AND_FORGET"

    def shaped(self, step: str, event: Any, now: float) -> Any:
        """Return what `Enrichment` or `Target` gets of one event: JSON, or a text that is none."""
        template = _object(self.told.get(f"{step}Parameters")).get("InputTemplate")
        if not template:
            return event
        seen, arns = _seen(event), (self.arn, self.source, self.enrichment, self.target)
        given = dict(zip(("pipe", "source", "enrichment", "target"), arns, strict=True))
        values = {f"aws.pipes.{name}-arn": arn for name, arn in given.items()} | {
            "aws.pipes.pipe-name": self.name,
            "aws.pipes.event": event,
            "aws.pipes.event.json": seen,
            "aws.pipes.event.ingestion-time": afterwards.stamp(now),
        }

        def value(name: str) -> Any:
            return values.get(name) if name in values else buses.at(seen, name)

        text = str(template).strip()
        text = buses.filled(text, FIELD, value, bare=not text.startswith(("{", "[", '"')))
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text

    def parcel(self, event: Any, shaped: Any) -> Parcel:
        """Return one event as it is handed on, made of what the target is to get of it. A parameter that is a
        path is what the event has there."""
        seen = _seen(event)

        def said(member: str, name: str) -> str:
            told = _object(self._for_target(member)).get(name)
            told = buses.at(seen, told) if isinstance(told, str) and told.startswith("$.") else told
            return "" if told is None else _text(told)

        resources = _object(self._for_target("EventBridgeEventBusParameters")).get("Resources") or ()
        return Parcel(
            _text(shaped).encode(),
            group=said("SqsQueueParameters", "MessageGroupId"),
            duplicate=said("SqsQueueParameters", "MessageDeduplicationId"),
            detail=said("EventBridgeEventBusParameters", "DetailType")
            or f"Event from aws:{service(self.source)}",
            source=said("EventBridgeEventBusParameters", "Source") or f"Pipe {self.name}",
            resources=tuple(map(str, resources)),
            key=said("KinesisStreamParameters", "PartitionKey"),
        )

    def _for_target(self, member: str) -> Any:
        return _object(self.told.get("TargetParameters")).get(member)


def pipes(resources: Iterable[Resource]) -> Iterator[Pipe]:
    """Yield the pipes of a template."""
    for each in resources:
        if each.kind == "AWS::Pipes::Pipe":
            told = each.properties
            source, enrichment, target = (_arn(told.get(n)) for n in ("Source", "Enrichment", "Target"))
            yield Pipe(each.logical, each.name, source, enrichment, target, told)


def service(arn: str) -> str:
    """Return the service of an ARN, "" for what is none."""
    return arn.split(":")[2] if arn.startswith("arn:") and arn.count(":") >= 5 else ""


def events(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the records of a function's event as a pipe has them."""
    return [_event(dict(record)) for record in records]


def _event(record: dict[str, Any]) -> dict[str, Any]:
    if "kinesis" in record:
        return {**record.pop("kinesis"), **record}
    if record.get("eventSource") == "aws:sqs":
        record.setdefault("md5OfMessageAttributes", None)
    return record


def answered(payload: bytes) -> list[Any]:
    """Return the events that an enrichment has made: none of an empty answer, one of what is no array. Raises
    ValueError for what is no JSON."""
    try:
        told = json.loads(payload or b"null")
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if isinstance(told, list):
        return told
    return [told] if told else []


def reported(payload: bytes) -> bytes:
    """Return what a function that is the target says of events that it was not done with, and no other
    answer."""
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return b"null"
    return payload if isinstance(told, dict) and "batchItemFailures" in told else b"null"


def undone(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the answer of a function that was not done with these events."""
    named = ({**each, **_object(each.get("dynamodb"))} for each in events)
    idents = (each.get(IDENTS.get(str(each.get("eventSource")), "")) for each in named)
    return json.dumps({"batchItemFailures": [{"itemIdentifier": ident} for ident in idents]}).encode()


def _seen(event: Any) -> Any:
    """Return an event as paths look at it: content that is JSON is looked into."""
    member = ENCODED.get(str(event.get("eventSource"))) if isinstance(event, dict) else None
    content = event.get(member) if member else None
    if not isinstance(content, str):
        return event
    try:
        text = base64.b64decode(content, validate=True).decode() if member == "data" else content
    except ValueError:
        return event
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = text
    return {**event, member: told if isinstance(told, (dict, list)) else text}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _arn(value: Any) -> str:
    return value if isinstance(value, str) and value.startswith("arn:") else ""

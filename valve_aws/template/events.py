"""What wakes a function, and where its outcome goes, as the function itself says.

Knows SAM's event types (SAM specification, EventSource) and invocation destinations. Does not know what other
resources say about the function.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from valve_aws.model.source import Node, Where
from valve_aws.model.stack import Afterwards, Delivery, Function, Statement, Trigger
from valve_aws.template import arns
from valve_aws.template.ground import Ground
from valve_aws.template.scope import Template
from valve_aws.template.shapes import entries, is_open, whole, word

SOURCES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "SQS": ("Queue", "AWS::SQS::Queue"),
        "Kinesis": ("Stream", "AWS::Kinesis::Stream"),
        "DynamoDB": ("Stream", "AWS::DynamoDB::Table"),
        "SNS": ("Topic", "AWS::SNS::Topic"),
        "S3": ("Bucket", "AWS::S3::Bucket"),
        "CloudWatchLogs": ("LogGroupName", "AWS::Logs::LogGroup"),
        "EventBridgeRule": ("EventBusName", "AWS::Events::EventBus"),
        "CloudWatchEvent": ("EventBusName", "AWS::Events::EventBus"),
        "Api": ("RestApiId", "AWS::ApiGateway::RestApi"),
        "HttpApi": ("ApiId", "AWS::ApiGatewayV2::Api"),
        "Cognito": ("UserPool", ""),
        "MSK": ("Stream", ""),
        "MQ": ("Broker", ""),
        "DocumentDB": ("Cluster", ""),
        "SelfManagedKafka": ("", ""),
        "Schedule": ("", ""),
        "ScheduleV2": ("", ""),
        "IoTRule": ("", ""),
        "AlexaSkill": ("", ""),
    }
)
"""Event type → the property that names its source, and the source's type."""

MAPPED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sqs": "SQS",
        "kinesis": "Kinesis",
        "dynamodb": "DynamoDB",
        "kafka": "MSK",
        "mq": "MQ",
        "rds": "DocumentDB",
    }
)
"""Service of an event source mapping's source → SAM's event type."""

POLLED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "SQS": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        "Kinesis": tuple(
            f"kinesis:{a}"
            for a in (
                "DescribeStream",
                "DescribeStreamSummary",
                "GetRecords",
                "GetShardIterator",
                "ListShards",
                "ListStreams",
            )
        ),
        "DynamoDB": tuple(
            f"dynamodb:{a}" for a in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        ),
    }
)
"""What SAM adds to the role of a function that Lambda polls for: there on everything, here on the source."""


def triggers(node: Node | None, function: str, template: Template) -> tuple[Trigger, ...]:
    """Return the triggers under a SAM function's resolved `Events`; `function` is its logical id."""
    return tuple(
        _trigger(name, event, function, template) for name, event in entries(node, "`Events`").items()
    )


def _trigger(name: str, node: Node, function: str, template: Template) -> Trigger:
    fields = entries(node, f"the event `{name}`")
    kind = word(fields.get("Type"), f"the type of the event `{name}`")
    properties = entries(fields.get("Properties"), f"the properties of the event `{name}`")
    if kind not in SOURCES:
        template.ground.warn(node.where, f"`{kind}` is not an event type that is known here", f"event {kind}")
    plain = {key: value.plain() for key, value in properties.items()}
    return Trigger(function, name, kind, source(kind, properties, template), plain, node.where)


def source(kind: str, properties: Mapping[str, Node], template: Template) -> str:
    """Return the ARN of the store that an event comes from; "" when it comes from none, or it is open."""
    key, owner = SOURCES.get(kind, ("", ""))
    written = word(properties.get(key), f"`{key}`") if key else ""
    ground = template.ground
    if kind in {"EventBridgeRule", "CloudWatchEvent"}:
        written = written or "default"
    if kind in {"Api", "HttpApi"} and not written:
        implicit = "ServerlessRestApi" if kind == "Api" else "ServerlessHttpApi"
        written = template.made(implicit, "") or ""
    return arns.store(written, owner, ground)


def polling(found: tuple[Trigger, ...]) -> Iterator[Statement]:
    """Yield what a function's role is granted on the sources that are polled for it."""
    for trigger in found:
        if trigger.kind in POLLED and trigger.source:
            resources = (
                (trigger.source, f"{trigger.source}/stream/*")
                if trigger.kind == "DynamoDB"
                else (trigger.source,)
            )
            yield Statement(
                True, POLLED[trigger.kind], resources, why=f"polls {trigger.name}", where=trigger.where
            )


def outcomes(function: Function, properties: Mapping[str, Node], template: Template) -> Iterator[Delivery]:
    """Yield where a function's results, failures and failed batches go."""
    config = entries(properties.get("EventInvokeConfig"), "`EventInvokeConfig`")
    yield from destinations(function.arn, config.get("DestinationConfig"), template.ground)
    for key in ("DeadLetterQueue", "DeadLetterConfig"):
        node = properties.get(key)
        yield from delivery(function.arn, entries(node, f"`{key}`").get("TargetArn"), template.ground)
    for name, event in entries(properties.get("Events"), "`Events`").items():
        found = next((t for t in function.triggers if t.name == name), None)
        options = entries(entries(event, "an event").get("Properties"), "an event's properties")
        if found is not None and found.source:
            yield from destinations(found.source, options.get("DestinationConfig"), template.ground)


@dataclass(frozen=True, slots=True)
class Configured:
    """What another resource says becomes of a function's events; `function` is an ARN."""

    function: str
    afterwards: Afterwards


RETRIES: Final = (0, 2)
AGE: Final = (60, 21_600)
"""Lambda API, PutFunctionEventInvokeConfig."""


def afterwards(
    config: Mapping[str, Node], ground: Ground, letters: Mapping[str, Node] | None = None
) -> Afterwards:
    """Return what an event invoke configuration says; `letters` is the configuration of dead letters."""
    ends = entries(config.get("DestinationConfig"), "`DestinationConfig`")

    def target(node: Node | None) -> str:
        return next((each.target for each in delivery("-", node, ground)), "")

    return Afterwards(
        whole(config.get("MaximumRetryAttempts"), "`MaximumRetryAttempts`", 2, RETRIES),
        whole(config.get("MaximumEventAgeInSeconds"), "`MaximumEventAgeInSeconds`", AGE[1], AGE),
        target(entries(ends.get("OnSuccess"), "`OnSuccess`").get("Destination")),
        target(entries(ends.get("OnFailure"), "`OnFailure`").get("Destination")),
        target((letters or {}).get("TargetArn")),
    )


def destinations(origin: str, node: Node | None, ground: Ground) -> Iterator[Delivery]:
    """Yield the `OnSuccess` and `OnFailure` of a destination configuration."""
    fields = entries(node, "`DestinationConfig`")
    for key in ("OnSuccess", "OnFailure"):
        yield from delivery(origin, entries(fields.get(key), f"`{key}`").get("Destination"), ground)


def delivery(origin: str, node: Node | None, ground: Ground, kind: str = "") -> Iterator[Delivery]:
    """Yield the delivery to what `node` names: an ARN, an address, or the name of a resource of `kind`."""
    written = word(node, "a destination")
    if node is None or not written or not origin:
        return
    if is_open(written) or "://" in written:
        # Why: a place known only at deployment is still a place that content reaches; it stays visible.
        yield Delivery(origin, written, node.where)
    elif kind or written.startswith("arn:"):
        yield Delivery(origin, arns.store(written, kind, ground), node.where)


def attached(function: Function, found: Trigger) -> Function:
    """Return the function with one more trigger, its name made unique.

    A route that an event of the function names too is one trigger, the event's.
    """
    if any(_same_route(t, found) for t in function.triggers):
        return function
    taken = {t.name for t in function.triggers}
    name, n = found.name, 2
    while name in taken:
        name, n = f"{found.name}{n}", n + 1
    return replace(
        function, triggers=(*function.triggers, replace(found, function=function.logical, name=name))
    )


def _same_route(one: Trigger, other: Trigger) -> bool:
    routes = [
        (t.kind, t.source, str(t.properties.get("Path")), str(t.properties.get("Method")).upper())
        for t in (one, other)
    ]
    return "Path" in one.properties and "Path" in other.properties and routes[0] == routes[1]


def mapped(arn: str, where: Where, ground: Ground) -> str:
    """Return SAM's event type for the source of an event source mapping."""
    kind = MAPPED.get(arns.service(arn), "")
    if not kind:
        ground.warn(where, f"an event source mapping from `{arn[:100] or 'nothing'}` is not understood")
    return kind

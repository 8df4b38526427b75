"""Which resources hand content on, and which wake a function: what resources say about one another.

Knows notifications, subscriptions, rules, pipes and redrives. Does not know functions' own properties.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from valve_aws.model.source import Node
from valve_aws.model.stack import Delivery, Trigger
from valve_aws.template import apis, arns, events
from valve_aws.template.scope import Declared, Template
from valve_aws.template.shapes import elements, entries, several, word, wrap

Wire = Trigger | Delivery | events.Configured
"""A Trigger's `function` is the function's ARN here."""

Fields = Mapping[str, Node]

FUNCTION: Final = "AWS::Lambda::Function"


def of(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    """Yield what a resource wires; its properties are resolved."""
    reader = READERS.get(declared.kind)
    if reader is not None:
        yield from reader(declared, fields, template)


def _own(declared: Declared, template: Template) -> str:
    return template.formed(declared.logical, "{arn}")


def _target(origin: str, node: Node | None, kind: str, wire: Trigger, template: Template) -> Iterator[Wire]:
    """Yield a trigger if the target is a function, else a delivery."""
    arn = arns.store(word(node, "a target"), "", template.ground)
    if node is not None and arns.service(arn) == "lambda":
        yield Trigger(arn, wire.name, kind, origin, wire.properties, wire.where)
    else:
        yield from events.delivery(origin, node, template.ground)


def _bare(fields: Fields) -> dict[str, Any]:
    return {key: value.plain() for key, value in fields.items()}


def _bucket(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    own = _own(declared, template)
    notices = entries(fields.get("NotificationConfiguration"), "`NotificationConfiguration`")
    for key, target in (
        ("LambdaConfigurations", "Function"),
        ("QueueConfigurations", "Queue"),
        ("TopicConfigurations", "Topic"),
    ):
        for node in elements(notices.get(key), f"`{key}`"):
            notice = entries(node, f"each of `{key}`")
            wire = Trigger("", declared.logical, "S3", own, _bare(notice), node.where)
            yield from _target(own, notice.get(target), "S3", wire, template)
    if "EventBridgeConfiguration" in notices:
        bus = arns.made("default", "AWS::Events::EventBus", template.ground)
        yield Delivery(own, bus, notices["EventBridgeConfiguration"].where)
    replication = entries(fields.get("ReplicationConfiguration"), "`ReplicationConfiguration`")
    for node in elements(replication.get("Rules"), "`Rules`"):
        destination = entries(entries(node, "a replication rule").get("Destination"), "`Destination`")
        yield from events.delivery(own, destination.get("Bucket"), template.ground, "AWS::S3::Bucket")
    logging = entries(fields.get("LoggingConfiguration"), "`LoggingConfiguration`")
    yield from events.delivery(own, logging.get("DestinationBucketName"), template.ground, "AWS::S3::Bucket")
    for node in elements(fields.get("InventoryConfigurations"), "`InventoryConfigurations`"):
        destination = entries(entries(node, "an inventory").get("Destination"), "`Destination`")
        yield from events.delivery(own, destination.get("BucketArn"), template.ground, "AWS::S3::Bucket")


def _queue(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    node = fields.get("RedrivePolicy")
    if node is not None and isinstance(node.value, str):
        try:
            node = wrap(json.loads(node.value), node.where)
        except (ValueError, RecursionError):
            return
    target = entries(node, "`RedrivePolicy`").get("deadLetterTargetArn")
    yield from events.delivery(_own(declared, template), target, template.ground)


SCHEMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "email": "ses:to/",
        "email-json": "ses:to/",
        "sms": "sns:sms/+",
        "http": "",
        "https": "",
        "application": "",
    }
)


def _topic(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    for node in elements(fields.get("Subscription"), "`Subscription`"):
        yield from _subscribed(_own(declared, template), declared.logical, node, template)


def _subscription(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    topic = arns.store(word(fields.get("TopicArn"), "`TopicArn`"), "AWS::SNS::Topic", template.ground)
    yield from _subscribed(topic, declared.logical, Node(dict(fields), declared.where), template)


def _subscribed(topic: str, name: str, node: Node, template: Template) -> Iterator[Wire]:
    fields = entries(node, "a subscription")
    protocol = word(fields.get("Protocol"), "`Protocol`")
    endpoint = fields.get("Endpoint")
    written = word(endpoint, "`Endpoint`")
    if protocol in SCHEMES and written and topic:
        address = written.removeprefix("+") if protocol == "sms" else written
        yield Delivery(topic, SCHEMES[protocol] + address, node.where)
        return
    wire = Trigger("", name, "SNS", topic, _bare(fields), node.where)
    yield from _target(topic, endpoint, "SNS", wire, template)
    redrive = fields.get("RedrivePolicy")
    if redrive is not None and isinstance(redrive.value, dict):
        yield from events.delivery(topic, redrive.value.get("deadLetterTargetArn"), template.ground)


def _rule(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    scheduled = "ScheduleExpression" in fields and "EventPattern" not in fields
    bus = arns.store(
        word(fields.get("EventBusName"), "`EventBusName`") or "default",
        "AWS::Events::EventBus",
        template.ground,
    )
    kind = "Schedule" if scheduled else "EventBridgeRule"
    given = {key: value.plain() for key, value in fields.items() if key != "Targets"}
    for node in elements(fields.get("Targets"), "`Targets`"):
        target = entries(node, "a target")
        wire = Trigger("", declared.logical, kind, "", given, node.where)
        yield from _target(
            "" if scheduled else bus, _endpoint(target.get("Arn"), template), kind, wire, template
        )
        redrive = entries(target.get("DeadLetterConfig"), "`DeadLetterConfig`")
        yield from events.delivery("" if scheduled else bus, redrive.get("Arn"), template.ground)


def _endpoint(node: Node | None, template: Template) -> Node | None:
    """Return the address behind an API destination of this template, any other target as it is."""
    if node is None or not isinstance(node.value, str) or ":api-destination/" not in node.value:
        return node
    for other in template.declared.values():
        if other.kind == "AWS::Events::ApiDestination" and _own(other, template) == node.value:
            return template.attribute(other.logical, "InvocationEndpoint", node.where)
    return node


def _mapping(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    function = arns.store(word(fields.get("FunctionName"), "`FunctionName`"), FUNCTION, template.ground)
    written = word(fields.get("EventSourceArn"), "`EventSourceArn`")
    origin = arns.store(written, "", template.ground)
    kind = (
        "SelfManagedKafka"
        if "SelfManagedEventSource" in fields
        else events.mapped(origin, declared.where, template.ground)
    )
    yield Trigger(function, declared.logical, kind, origin, _bare(fields), declared.where)
    yield from events.destinations(origin, fields.get("DestinationConfig"), template.ground)


def _invoke_config(_: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    function = arns.store(word(fields.get("FunctionName"), "`FunctionName`"), FUNCTION, template.ground)
    yield from events.destinations(function, fields.get("DestinationConfig"), template.ground)
    qualifier = word(fields.get("Qualifier"), "`Qualifier`")
    if function and qualifier in {"", "$LATEST"}:
        yield events.Configured(function, events.afterwards(fields, template.ground))


def _firehose(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    own = _own(declared, template)
    stream = entries(
        fields.get("KinesisStreamSourceConfiguration"), "`KinesisStreamSourceConfiguration`"
    ).get("KinesisStreamARN")
    origin = arns.store(word(stream, "`KinesisStreamARN`"), "AWS::Kinesis::Stream", template.ground)
    if origin and stream is not None:
        yield Delivery(origin, own, stream.where)
    for key, node in fields.items():
        if key.endswith("DestinationConfiguration") and isinstance(node.value, dict):
            yield from _ending(own, node.value, template)


def _ending(own: str, destination: Fields, template: Template) -> Iterator[Wire]:
    """Yield where one destination of a Firehose stream, and its backup, lead."""
    yield from events.delivery(own, destination.get("BucketARN"), template.ground, "AWS::S3::Bucket")
    endpoint = entries(destination.get("EndpointConfiguration"), "`EndpointConfiguration`")
    if endpoint.get("Url") is not None:
        yield Delivery(own, word(endpoint["Url"], "`Url`"), endpoint["Url"].where)
    for key in ("S3Configuration", "S3BackupConfiguration"):
        backup = entries(destination.get(key), f"`{key}`")
        yield from events.delivery(own, backup.get("BucketARN"), template.ground, "AWS::S3::Bucket")


def _table(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    stream = entries(fields.get("KinesisStreamSpecification"), "`KinesisStreamSpecification`").get(
        "StreamArn"
    )
    yield from events.delivery(_own(declared, template), stream, template.ground, "AWS::Kinesis::Stream")


def _filter(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    group = arns.store(
        word(fields.get("LogGroupName"), "`LogGroupName`"), "AWS::Logs::LogGroup", template.ground
    )
    wire = Trigger("", declared.logical, "CloudWatchLogs", group, _bare(fields), declared.where)
    yield from _target(group, fields.get("DestinationArn"), "CloudWatchLogs", wire, template)


def _pipe(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    if word(fields.get("DesiredState"), "`DesiredState`") == "STOPPED":
        return
    origin = arns.store(word(fields.get("Source"), "`Source`"), "", template.ground)
    for key in ("Enrichment", "Target"):
        wire = Trigger("", declared.logical, "Pipe", origin, _bare(fields), declared.where)
        yield from _target(origin, _endpoint(fields.get(key), template), "Pipe", wire, template)


def _schedule(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    target = entries(fields.get("Target"), "`Target`").get("Arn")
    arn = arns.store(word(target, "a target"), "", template.ground)
    if arns.service(arn) == "lambda":
        yield Trigger(arn, declared.logical, "ScheduleV2", "", _bare(fields), declared.where)


def _machine(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    """Yield what starts a SAM state machine from a bus."""
    for name, node in entries(fields.get("Events"), "`Events`").items():
        event = entries(node, f"the event `{name}`")
        kind = word(event.get("Type"), "`Type`")
        if kind in {"EventBridgeRule", "CloudWatchEvent"}:
            origin = events.source(kind, entries(event.get("Properties"), "`Properties`"), template)
            yield Delivery(origin, _own(declared, template), node.where)


def _topic_rule(declared: Declared, fields: Fields, template: Template) -> Iterator[Wire]:
    payload = entries(fields.get("TopicRulePayload"), "`TopicRulePayload`")
    for node in several(payload.get("Actions")):
        target = entries(entries(node, "an action").get("Lambda"), "`Lambda`").get("FunctionArn")
        arn = arns.store(word(target, "`FunctionArn`"), "", template.ground)
        if arn:
            yield Trigger(arn, declared.logical, "IoTRule", "", _bare(payload), declared.where)


READERS: Final[Mapping[str, Callable[[Declared, Fields, Template], Iterator[Wire]]]] = MappingProxyType(
    {
        "AWS::S3::Bucket": _bucket,
        "AWS::SQS::Queue": _queue,
        "AWS::SNS::Topic": _topic,
        "AWS::SNS::Subscription": _subscription,
        "AWS::Events::Rule": _rule,
        "AWS::Lambda::EventSourceMapping": _mapping,
        "AWS::Lambda::EventInvokeConfig": _invoke_config,
        "AWS::KinesisFirehose::DeliveryStream": _firehose,
        "AWS::DynamoDB::Table": _table,
        "AWS::Logs::SubscriptionFilter": _filter,
        "AWS::Pipes::Pipe": _pipe,
        "AWS::Scheduler::Schedule": _schedule,
        "AWS::Serverless::StateMachine": _machine,
        "AWS::IoT::TopicRule": _topic_rule,
        "AWS::ApiGateway::Method": apis.method,
        "AWS::ApiGateway::RestApi": apis.described,
        "AWS::ApiGatewayV2::Api": apis.described,
        "AWS::ApiGatewayV2::Integration": apis.integration,
        "AWS::Lambda::Url": apis.url,
        "AWS::Serverless::Api": apis.described,
        "AWS::Serverless::HttpApi": apis.described,
    }
)
"""Type → what it wires (CloudFormation template reference of each)."""

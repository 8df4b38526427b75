"""The stack's own deliveries made in the cloud, so that what is handed on arrives.

Knows how an edge is made for each kind of store. Does not know which edges there are: the template says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from valve_aws.model.stack import Stack

Client = Callable[[str], Any]


def wire(client: Client, stack: Stack) -> None:
    """Make every delivery that the cloud can follow."""
    for delivery in stack.deliveries:
        made = EDGES.get((_service(delivery.source), _service(delivery.target)))
        if made:
            made(client, delivery.source, delivery.target)


def _service(arn: str) -> str:
    return arn.split(":")[2] if arn.startswith("arn:") else ""


def _subscription(client: Client, source: str, target: str) -> None:
    client("sns").subscribe(TopicArn=source, Protocol="sqs", Endpoint=target)


def _notification(client: Client, source: str, target: str) -> None:
    told = {"QueueArn": target, "Events": ["s3:ObjectCreated:*"]}
    client("s3").put_bucket_notification_configuration(
        Bucket=source.rpartition(":")[2], NotificationConfiguration={"QueueConfigurations": [told]}
    )


def _rule(client: Client, source: str, target: str) -> None:
    bus = {"EventBusName": source.rpartition("/")[2]}
    # Why every event: which of them a rule takes is the service's affair, and the valve follows all.
    everything = json.dumps({"account": [source.split(":")[4]]})
    client("events").put_rule(Name="wired", EventPattern=everything, **bus)
    client("events").put_targets(Rule="wired", Targets=[{"Id": "wired", "Arn": target}], **bus)


EDGES: Mapping[tuple[str, str], Callable[[Client, str, str], None]] = {
    ("sns", "sqs"): _subscription,
    ("s3", "sqs"): _notification,
    ("events", "sqs"): _rule,
}
"""(service, service that it hands on to) → how that is made. A queue makes its own redrive."""

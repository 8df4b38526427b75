"""Where a bucket's own settings have S3 hand on what is in it, or what is done with it.

Knows the settings' members. Does not know which operation sets one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from valve_aws.aws import names, onward
from valve_aws.aws.rows.row import Asked, listed

NOTIFIED = (
    ("TopicConfigurations", "TopicArn"),
    ("QueueConfigurations", "QueueArn"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
)
"""Lists of a notification configuration, and the member that says to whom."""

NOTIFIED_OF_OLD = (
    ("TopicConfiguration", "Topic"),
    ("QueueConfiguration", "Queue"),
    ("CloudFunctionConfiguration", "CloudFunction"),
)
"""The same in PutBucketNotification, one of each."""


def handed(asked: Asked) -> list[str]:
    """Return every place that a setting of a bucket names. Raises `NotCanonical` for what has no one name."""
    params, place = asked.params, asked.place
    found = [onward.target(text, place) for text in _arns(params)]
    logs = (params.get("BucketLoggingStatus") or {}).get("LoggingEnabled") or {}
    if logs.get("TargetBucket"):
        found.append(names.bucket(logs["TargetBucket"], place.partition))
    told = params.get("NotificationConfiguration") or {}
    if told.get("EventBridgeConfiguration") is not None:
        found.append(f"arn:{place.partition}:events:{place.region}:{place.account}:event-bus/default")
    return found


def _arns(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ARNs of targets as they are written."""
    for rule in listed((params.get("ReplicationConfiguration") or {}).get("Rules") or ()):
        yield from _said(rule.get("Destination"), "Bucket")
    told = params.get("NotificationConfiguration") or {}
    for member, to in NOTIFIED:
        for each in listed(told.get(member) or ()):
            yield from _said(each, to)
    for member, to in NOTIFIED_OF_OLD:
        yield from _said(told.get(member), to)
    yield from _exported((params.get("InventoryConfiguration") or {}).get("Destination"))
    analysis = (params.get("AnalyticsConfiguration") or {}).get("StorageClassAnalysis") or {}
    yield from _exported((analysis.get("DataExport") or {}).get("Destination"))


def _exported(destination: Mapping[str, Any] | None) -> Iterator[str]:
    return _said((destination or {}).get("S3BucketDestination"), "Bucket")


def _said(given: Mapping[str, Any] | None, member: str) -> Iterator[str]:
    if text := (given or {}).get(member):
        yield text

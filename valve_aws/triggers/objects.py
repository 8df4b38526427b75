"""What a bucket tells of an object that came or went.

Knows S3's notifications (S3 user guide, "Event message structure", "Event notification types"; EventBridge's
form of them). Does not know how an object is asked about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

CREATED: Mapping[str, str] = {
    "PutObject": "ObjectCreated:Put",
    "CopyObject": "ObjectCreated:Copy",
    "CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
}
REMOVED = frozenset({"DeleteObject", "DeleteObjects"})


@dataclass(frozen=True, slots=True)
class Happened:
    """One object that came or went."""

    name: str
    """`ObjectCreated:Put` …"""
    bucket: str
    key: str
    time: str
    """ISO 8601 with milliseconds."""
    ident: str
    """The request's id."""
    region: str
    size: int | None = None
    etag: str = ""
    version: str = ""


def names(operation: str, params: Mapping[str, Any], marked: bool) -> Iterator[tuple[str, str]]:
    """Yield (event, key) of what a call did. `marked`: a deletion left a marker."""
    if operation in CREATED:
        yield CREATED[operation], str(params["Key"])
    if operation in REMOVED:
        event = "ObjectRemoved:DeleteMarkerCreated" if marked else "ObjectRemoved:Delete"
        told = (params.get("Delete") or {}).get("Objects") or [params]
        yield from ((event, str(each["Key"])) for each in told)


def wanted(name: str, key: str, told: Mapping[str, Any]) -> bool:
    """Say whether a notification's configuration, SAM's or CloudFormation's, asks for an event."""
    events = told.get("Events") or told.get("Event") or ()
    listed = [events] if isinstance(events, str) else list(events)
    if not any(_covers(str(each).removeprefix("s3:"), name) for each in listed):
        return False
    rules = ((told.get("Filter") or {}).get("S3Key") or {}).get("Rules") or ()
    return all(_rule(rule, key) for rule in rules)


def _covers(asked: str, name: str) -> bool:
    return name.startswith(asked[:-1]) if asked.endswith("*") else name == asked


def _rule(rule: Mapping[str, Any], key: str) -> bool:
    value = str(rule.get("Value") or "")
    return key.startswith(value) if str(rule.get("Name")).lower() == "prefix" else key.endswith(value)


def record(happened: Happened, configuration: str) -> dict[str, Any]:
    """Return a record of an event. `configuration` is its id."""
    told: dict[str, Any] = {"key": quote_plus(happened.key, safe="/")}
    if happened.size is not None:
        told |= {"size": happened.size, "eTag": happened.etag}
    if happened.version:
        told["versionId"] = happened.version
    # Why of its time: notifications of one key are told apart in their order, and nothing else is asked.
    told["sequencer"] = "".join(c for c in happened.time if c.isdigit())[-16:].zfill(18)
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": happened.region,
        "eventTime": happened.time,
        "eventName": happened.name,
        "userIdentity": {"principalId": "AWS:AIDAJDPLRKLG7UEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": happened.ident, "x-amz-id-2": happened.ident},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": happened.bucket,
                "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                "arn": f"arn:aws:s3:::{happened.bucket}",
            },
            "object": told,
        },
    }


REASONS: Mapping[str, tuple[str, str]] = {
    "ObjectCreated:Put": ("Object Created", "PutObject"),
    "ObjectCreated:Copy": ("Object Created", "CopyObject"),
    "ObjectCreated:CompleteMultipartUpload": ("Object Created", "CompleteMultipartUpload"),
    "ObjectRemoved:Delete": ("Object Deleted", "DeleteObject"),
    "ObjectRemoved:DeleteMarkerCreated": ("Object Deleted", "DeleteObject"),
}


def detail(happened: Happened) -> tuple[str, dict[str, Any]]:
    """Return (detail-type, detail) of the same on the default bus."""
    kind, reason = REASONS[happened.name]
    told: dict[str, Any] = {"key": happened.key}
    if happened.size is not None:
        told |= {"size": happened.size, "etag": happened.etag}
    if happened.version:
        told["version-id"] = happened.version
    found: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": happened.bucket},
        "object": told,
        "request-id": happened.ident,
        "requester": "123456789012",
        "source-ip-address": "127.0.0.1",
        "reason": reason,
    }
    if kind == "Object Deleted":
        marked = happened.name.endswith("DeleteMarkerCreated")
        found["deletion-type"] = "Delete Marker Created" if marked else "Permanently Deleted"
    return kind, found

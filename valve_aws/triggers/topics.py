"""What a topic hands to those who are subscribed.

Knows SNS's notifications and filter policies (SNS developer guide, "Amazon SNS message delivery"; Lambda
developer guide, "Using Lambda with Amazon SNS"). Does not know who is subscribed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from valve_aws.triggers.filters import matches

SIGNATURE = "EXAMPLE"
"""Nothing is signed here."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One published message."""

    topic: str
    """ARN."""
    ident: str
    params: Mapping[str, Any]
    """Publish's own members, or those of an entry of PublishBatch."""
    time: str


def published(params: Mapping[str, Any], idents: list[str], topic: str, time: str) -> Iterator[Notice]:
    """Yield what a Publish or PublishBatch has published; `idents` are the ids that it was answered."""
    entries = params.get("PublishBatchRequestEntries") or [params]
    for entry, ident in zip(entries, idents, strict=False):
        yield Notice(topic, ident, entry, time)


def wanted(notice: Notice, told: Mapping[str, Any]) -> bool:
    """Say whether a subscription's filter policy lets a message through. Raises ValueError."""
    policy = told.get("FilterPolicy")
    if not policy:
        return True
    if told.get("FilterPolicyScope") == "MessageBody":
        try:
            body = json.loads(notice.params["Message"])
        except (ValueError, RecursionError):
            return False
        return isinstance(body, dict) and matches(body, policy)
    given = notice.params.get("MessageAttributes") or {}
    return matches({name: _typed(value) for name, value in given.items()}, policy)


def _typed(value: Mapping[str, Any]) -> Any:
    """Return an attribute's value as a filter sees it."""
    kind, text = str(value.get("DataType")), value.get("StringValue")
    if text is None:
        return None
    try:
        if kind.startswith("Number"):
            return float(text)
        return json.loads(text) if kind == "String.Array" else text
    except ValueError:
        return text


def text(notice: Notice, protocol: str) -> str:
    """Return the message as one protocol gets it (`MessageStructure` json)."""
    message = str(notice.params["Message"])
    if notice.params.get("MessageStructure") != "json":
        return message
    try:
        told = json.loads(message)
        return str(told.get(protocol, told["default"]))
    except (ValueError, KeyError, AttributeError, RecursionError):
        return message


def record(notice: Notice, subscription: str) -> dict[str, Any]:
    """Return a record of a function's event. `subscription` is its ARN."""
    return {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
        "Sns": {
            "Type": "Notification",
            "MessageId": notice.ident,
            "TopicArn": notice.topic,
            "Subject": notice.params.get("Subject"),
            "Message": text(notice, "lambda"),
            "Timestamp": notice.time,
            "SignatureVersion": "1",
            "Signature": SIGNATURE,
            "SigningCertUrl": _signed_by(notice),
            "UnsubscribeUrl": _unsubscribing(notice, subscription),
            "MessageAttributes": _attributes(notice),
        },
    }


def _address(notice: Notice) -> str:
    return f"https://sns.{notice.topic.split(':')[3]}.amazonaws.com"


def _signed_by(notice: Notice) -> str:
    """Return the address of a certificate that is none: nothing is signed here."""
    return f"{_address(notice)}/SimpleNotificationService-{'0' * 32}.pem"


def _unsubscribing(notice: Notice, subscription: str) -> str:
    return f"{_address(notice)}/?Action=Unsubscribe&SubscriptionArn={subscription}"


def _attributes(notice: Notice) -> dict[str, dict[str, Any]]:
    found = {}
    for name, value in (notice.params.get("MessageAttributes") or {}).items():
        content = value.get("StringValue")
        found[name] = {"Type": value.get("DataType"), "Value": content or str(value.get("BinaryValue") or "")}
    return found


def envelope(notice: Notice, subscription: str) -> bytes:
    """Return what a queue gets when its subscription does not ask for the raw message."""
    told: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": notice.ident,
        "TopicArn": notice.topic,
        **({"Subject": notice.params["Subject"]} if notice.params.get("Subject") else {}),
        "Message": text(notice, "sqs"),
        "Timestamp": notice.time,
        "SignatureVersion": "1",
        "Signature": SIGNATURE,
        "SigningCertURL": _signed_by(notice),
        "UnsubscribeURL": _unsubscribing(notice, subscription),
    }
    if notice.params.get("MessageAttributes"):
        told["MessageAttributes"] = _attributes(notice)
    return json.dumps(told, ensure_ascii=False).encode()


def raw(notice: Notice) -> Mapping[str, tuple[str, str]]:
    """Return the attributes beside a message that is delivered raw."""
    given = notice.params.get("MessageAttributes") or {}
    return {n: (str(v["DataType"]), str(v["StringValue"])) for n, v in given.items() if "StringValue" in v}

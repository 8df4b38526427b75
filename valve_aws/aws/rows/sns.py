"""Effect rows of SNS.

Knows what each operation on topics does. Does not know who is subscribed: the stack's wiring says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from valve_aws.aws import names, onward
from valve_aws.aws.rows import mail
from valve_aws.aws.rows.row import Asked, Extents, Row, Service, account, anything, whole
from valve_aws.model.cell import Extent, Part, Span

ROWS = (
    Row("Publish", "a new message to whoever is subscribed, to one device, or to a telephone; a FIFO topic "
        "answers a repeated deduplication id with the first one's", reveals="deduplicated",
        changes="new deduplication", blind="standard", actions="sns:Publish@target",
        leaves="sent subject=Subject"),
    Row("PublishBatch", "as Publish, for each", reveals="deduplicated", changes="new deduplication",
        blind="standard", actions="sns:Publish@target", leaves="sent-batch"),
    Row("GetTopicAttributes", "settings, and how many are subscribed", reveals="config",
        actions="sns:GetTopicAttributes@topic"),
    Row("GetSubscriptionAttributes", "settings of a subscription", reveals="config",
        actions="sns:GetSubscriptionAttributes@topic"),
    Row("ListSubscriptionsByTopic", "who is subscribed", reveals="config",
        actions="sns:ListSubscriptionsByTopic@topic"),
    Row("ListSubscriptions", "who is subscribed to any topic", reveals="topics",
        actions="sns:ListSubscriptions@any"),
    Row("ListTopics", "names of the account's topics", reveals="topics", actions="sns:ListTopics@any"),
    Row("ListTagsForResource", "tags are settings", reveals="config",
        actions="sns:ListTagsForResource@topic"),
    Row("CreateTopic",
        "a new name; the same answer for one that is there, an error if its settings are others",
        reveals="topics", changes="own-name", opens="creating", actions="sns:CreateTopic@named",
        leaves="topic=Name"),
    Row("DeleteTopic", "whoever uses it is told that it is gone", reveals="config", changes="set-up",
        opens="deletes the topic", actions="sns:DeleteTopic@topic"),
    Row("Subscribe", "whatever is published goes there from now on", reveals="config", changes="set-up",
        delivers="endpoint failures", opens="sends whatever is published to another place",
        actions="sns:Subscribe@topic", leaves="endpoint=Endpoint"),
    Row("ConfirmSubscription", "whatever is published goes there from now on", reveals="config",
        changes="set-up", opens="sends whatever is published to another place",
        actions="sns:ConfirmSubscription@topic"),
    Row("Unsubscribe", "somebody is no longer told", reveals="config", changes="set-up",
        opens="stops what others rely on", actions="sns:Unsubscribe@topic"),
    Row("SetSubscriptionAttributes", "what is delivered, and where failures go", reveals="config",
        changes="set-up", delivers="failures", opens="changes what is delivered to whom",
        actions="sns:SetSubscriptionAttributes@topic", leaves="attribute=AttributeValue"),
    Row("SetTopicAttributes", "policy, key and delivery logging, for everybody", reveals="config",
        changes="set-up", opens="changes who may use the topic and how it delivers",
        actions="sns:SetTopicAttributes@topic"),
    Row("AddPermission", "another account may use the topic", reveals="config", changes="set-up",
        opens="lets another account in", actions="sns:AddPermission@topic", leaves="label=Label"),
    Row("RemovePermission", "a statement of the policy goes", reveals="config", changes="set-up",
        opens="changes the topic's policy", actions="sns:RemovePermission@topic", leaves="label=Label"),
)

PHONE = re.compile(r"\+?[0-9]{3,15}", re.ASCII)


def _topic(asked: Asked) -> list[str]:
    """The topic that the request names, or that its subscription belongs to."""
    given = asked.params.get("TopicArn") or asked.params.get("ResourceArn")
    return [names.topic(given or asked.params["SubscriptionArn"].rpartition(":")[0])]


def _target(asked: Asked) -> list[str]:
    """Where a message goes: exactly one of a topic, a device's endpoint, a telephone number
    (`sns:sms/+1555…`).
    """
    params = asked.params
    given = [params[m] for m in ("TopicArn", "TargetArn", "PhoneNumber") if params.get(m)]
    if len(given) != 1:
        raise names.NotCanonical("a message must go to exactly one place")
    if params.get("PhoneNumber"):
        return [phone(given[0])]
    if ":endpoint/" in given[0] and names.ARN.fullmatch(given[0]):
        return given
    return [names.topic(given[0])]


def phone(text: str) -> str:
    """Return `sns:sms/+1555…`."""
    if PHONE.fullmatch(text) is None:
        raise names.NotCanonical(f"`{text}` cannot be read as a telephone number")
    return f"sns:sms/+{text.removeprefix('+')}"


PROTOCOLS: Mapping[str, Callable[[str, names.Place], str]] = {
    "email": lambda text, _: mail.mailbox(text),
    "email-json": lambda text, _: mail.mailbox(text),
    "sms": lambda text, _: phone(text),
    **dict.fromkeys(("http", "https", "sqs", "lambda", "firehose", "application"), onward.target),
}
"""How an endpoint is written, by protocol (SNS API, Subscribe)."""


def _endpoint(asked: Asked) -> list[str]:
    """Who is to be told; no endpoint is what the service refuses itself."""
    text = asked.params.get("Endpoint")
    return [PROTOCOLS[asked.params["Protocol"]](text, asked.place)] if text else []


def _failures(asked: Asked) -> list[str]:
    """The queue that a subscription's failures go to."""
    params = asked.params
    given = dict(params.get("Attributes") or {})
    if params.get("AttributeName"):
        given[params["AttributeName"]] = params.get("AttributeValue")
    return onward.redrive(given.get("RedrivePolicy"), asked.place)


def standard(asked: Asked) -> bool:
    """A standard topic's answer is a random id."""
    return not _target(asked)[0].endswith(".fifo")


def _fifo(each: Extents) -> Extents:
    return lambda asked: [] if standard(asked) else each(asked)


def _named(asked: Asked) -> list[str]:
    return [names.topic(asked.place.arn("sns", asked.params["Name"]))]


def _own_name(asked: Asked) -> list[Extent]:
    return [Extent(names.account(asked.place, "sns"), Part.NAMES, Span.ONE, asked.params["Name"])]


OWN = frozenset({"DisplayName", "FifoTopic", "ContentBasedDeduplication", "FifoThroughputScope"})
"""Attributes of a topic that lead nowhere (SNS API, CreateTopic)."""


def creating(asked: Asked) -> str:
    """What a new topic's attributes open; one that is not known to lead nowhere may."""
    given = {name for name, value in (asked.params.get("Attributes") or {}).items() if value} - OWN
    if "Policy" in given:
        return "lets others in by a policy"
    policy = asked.params.get("DataProtectionPolicy")
    return "changes how the topic delivers, and what of it is logged where" if given or policy else ""


def _sent(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    members = ("Id", "MessageGroupId", "MessageDeduplicationId", "Subject")
    found = [(member, str(entry[member])) for member in members if member in entry]
    return found + [("attribute", name) for name in entry.get("MessageAttributes") or ()]


SERVICE = Service(
    rows=ROWS,
    extents={
        "new": whole(_target, (Part.CONTENT, Span.NEW)),
        "deduplicated": _fifo(whole(_target, (Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL))),
        "deduplication": _fifo(whole(_target, (Part.NAMES, Span.ONE), (Part.COUNTS, Span.ONE))),
        # Why no figures: how many are subscribed changes by settings alone.
        "config": whole(_topic, (Part.CONFIG, Span.ALL)),
        "set-up": whole(_topic, (Part.CONFIG, Span.ONE)),
        "topics": whole(account("sns"), (Part.NAMES, Span.ALL), (Part.CONFIG, Span.ALL)),
        "own-name": _own_name,
    },
    arns={
        "any": anything,
        "topic": _topic,
        "target": _target,
        "named": _named,
        "endpoint": _endpoint,
        "failures": _failures,
    },
    openers={"creating": creating},
    proofs={"standard": standard},
    leaves={
        "sent": lambda asked: _sent(asked.params),
        "sent-batch": lambda asked: [
            pair for entry in asked.params["PublishBatchRequestEntries"] for pair in _sent(entry)],
    },
)

"""Effect rows of SQS.

Knows what each operation on queues looks at, shows and changes. Does not know who polls them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from valve_aws.aws import names, onward
from valve_aws.aws.rows.row import Asked, Extents, Row, Service, anything
from valve_aws.model.cell import Extent, Part, Span

MESSAGES = (
    Row("SendMessage", "a new message; a FIFO queue answers a repeated deduplication id with the first one's "
        "id, and numbers what it takes, which tells what others sent", reveals="deduplicated",
        changes="new counts deduplication", blind="standard", actions="sqs:SendMessage@queue",
        leaves="queue sent"),
    Row("SendMessageBatch", "as SendMessage, for each", reveals="deduplicated",
        changes="new counts deduplication", blind="standard", actions="sqs:SendMessage@queue",
        leaves="queue sent-batch"),
    # Why no delivery to the dead letters: that is the stack's own wiring, and not this request's.
    Row("ReceiveMessage", "shows any message that is visible, so all, and how often it was received; hides "
        "from others what it shows", reveals="messages ids figures", changes="counts",
        actions="sqs:ReceiveMessage@queue", leaves="queue attempt=ReceiveRequestAttemptId"),
    Row("DeleteMessage", "an error tells that the handle is not, or no longer, good", reveals="ids figures",
        changes="removed counts", actions="sqs:DeleteMessage@queue", leaves="queue"),
    Row("DeleteMessageBatch", "as DeleteMessage, for each", reveals="ids figures", changes="removed counts",
        actions="sqs:DeleteMessage@queue", leaves="queue entry=Entries.Id"),
    Row("ChangeMessageVisibility", "an error tells that the message is gone or not in flight",
        reveals="ids figures", changes="counts", actions="sqs:ChangeMessageVisibility@queue", leaves="queue"),
    Row("ChangeMessageVisibilityBatch", "as ChangeMessageVisibility, for each", reveals="ids figures",
        changes="counts", actions="sqs:ChangeMessageVisibility@queue", leaves="queue entry=Entries.Id"),
    Row("PurgeQueue", "all messages are gone; an error tells of another purge within the minute",
        reveals="figures", changes="removed counts", actions="sqs:PurgeQueue@queue", leaves="queue"),
)

QUEUES = (
    Row("GetQueueAttributes", "the queue's settings, and how many messages there are",
        reveals="figures config", actions="sqs:GetQueueAttributes@queue", leaves="queue"),
    Row("GetQueueUrl", "whether a queue of this name is there", reveals="own-name config",
        actions="sqs:GetQueueUrl@queue", leaves="queue"),
    Row("ListQueues", "names of the account's queues", reveals="queues", actions="sqs:ListQueues@any",
        leaves="prefix=QueueNamePrefix"),
    Row("ListDeadLetterSourceQueues", "which queues send their dead letters here", reveals="config queues",
        actions="sqs:ListDeadLetterSourceQueues@queue", leaves="queue"),
    Row("ListQueueTags", "shows a setting of the queue", reveals="config", actions="sqs:ListQueueTags@queue",
        leaves="queue"),
    Row("ListMessageMoveTasks", "where dead letters are being moved, and how many", reveals="source-figures",
        actions="sqs:ListMessageMoveTasks@source"),
    Row("CreateQueue", "a new name; for a name that is there, an error tells that its settings are others",
        reveals="own-name config", changes="own-name set-up", delivers="failures",
        opens="creating", actions="sqs:CreateQueue@queue sqs:TagQueue@tagged", leaves="queue tag=tags"),
    Row("DeleteQueue", "whoever uses it is told that it is gone", reveals="own-name", changes="all own-name",
        opens="deletes the queue", actions="sqs:DeleteQueue@queue", leaves="queue"),
    Row("SetQueueAttributes", "policy, dead letters, key and times, for everybody", reveals="config",
        changes="set-up", delivers="failures", opens="setting", actions="sqs:SetQueueAttributes@queue",
        leaves="queue"),
    Row("AddPermission", "another account may use the queue", reveals="config", changes="set-up",
        opens="lets another account in", actions="sqs:AddPermission@queue",
        leaves="queue label=Label account=AWSAccountIds"),
    Row("RemovePermission", "a statement of the policy goes", reveals="config", changes="set-up",
        opens="changes the queue's policy", actions="sqs:RemovePermission@queue", leaves="queue label=Label"),
    Row("TagQueue", "tags are settings, by which policies let callers in", reveals="config", changes="set-up",
        opens="sets tags, by which policies let callers in", actions="sqs:TagQueue@queue",
        leaves="queue tag=Tags"),
    Row("UntagQueue", "tags are settings, by which policies keep callers out", reveals="config",
        changes="set-up", opens="removes tags, by which policies keep callers out",
        actions="sqs:UntagQueue@queue", leaves="queue tag=TagKeys"),
    Row("StartMessageMoveTask", "moves all dead letters to where the request says",
        consults="source-messages", reveals="source-figures", changes="source-removed moved-to",
        delivers="destination", opens="moves the dead letters to another queue",
        actions="sqs:StartMessageMoveTask@source sqs:ReceiveMessage@source sqs:DeleteMessage@source "
                "sqs:SendMessage@destination", leaves="destination=DestinationArn"),
    Row("CancelMessageMoveTask", "stops the moving of dead letters; the handle names the queue",
        reveals="task-figures", changes="task-counts", opens="stops the moving of dead letters",
        actions="sqs:CancelMessageMoveTask@any"),
)


def _queue(asked: Asked) -> str:
    found: str | None = asked.memo.get("queue")
    if found is None:
        params = asked.params
        place = asked.place
        if params.get("QueueOwnerAWSAccountId"):
            place = replace(place, account=params["QueueOwnerAWSAccountId"])
        found = names.queue(params.get("QueueUrl") or params["QueueName"], place)
        asked.memo["queue"] = found
    return found


def _whole(*parts: tuple[Part, Span], of: str = "") -> Extents:
    """Extents without a name, on the queue of the request or the one that the member `of` has the ARN of."""
    # Why kept: a function sends to few queues, and these extents say nothing of what it sends.
    @lru_cache(maxsize=64)
    def those(store: str) -> tuple[Extent, ...]:
        return tuple(Extent(store, part, span) for part, span in parts)

    def at(asked: Asked) -> tuple[Extent, ...]:
        return those(names.queue(asked.params[of], asked.place) if of else _queue(asked))
    return at


def standard(asked: Asked) -> bool:
    """A standard queue's answer is a random id and the digest of what was sent."""
    return not _queue(asked).endswith(".fifo")


def _fifo(*parts: tuple[Part, Span]) -> Extents:
    each = _whole(*parts)
    return lambda asked: [] if standard(asked) else each(asked)


def _account(one: bool) -> Extents:
    def at(asked: Asked) -> list[Extent]:
        if one:
            owner, _, name = _queue(asked).rpartition(":")
            return [Extent(f"{owner}:*", Part.NAMES, Span.ONE, name)]
        store = names.account(asked.place, "sqs")
        prefix = asked.params.get("QueueNamePrefix") or ""
        return [Extent(store, Part.NAMES, Span.PREFIX if prefix else Span.ALL, prefix)]
    return at


def _task(span: Span) -> Extents:
    return lambda asked: [Extent(names.account(asked.place, "sqs"), Part.COUNTS, span)]


# Why ONE without a name for what changes as a whole: that one cell stands for every figure, and whoever sees
# any of them sees it.
EXTENTS: dict[str, Extents] = {
    "new": _whole((Part.CONTENT, Span.NEW), (Part.NAMES, Span.NEW)),
    "messages": _whole((Part.CONTENT, Span.ALL)),
    "ids": _whole((Part.NAMES, Span.ALL)),
    "figures": _whole((Part.COUNTS, Span.ALL)),
    "counts": _whole((Part.COUNTS, Span.ONE)),
    "removed": _whole((Part.NAMES, Span.ONE)),
    "deduplicated": _fifo((Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL)),
    "deduplication": _fifo((Part.NAMES, Span.ONE)),
    "config": _whole((Part.CONFIG, Span.ALL)),
    "set-up": _whole((Part.CONFIG, Span.ONE)),
    "all": _whole(*((part, Span.ALL) for part in Part)),
    "own-name": _account(one=True),
    "queues": _account(one=False),
    "source-messages": _whole((Part.CONTENT, Span.ALL), (Part.NAMES, Span.ALL), of="SourceArn"),
    "source-figures": _whole((Part.COUNTS, Span.ALL), of="SourceArn"),
    "source-removed": _whole((Part.NAMES, Span.ONE), (Part.COUNTS, Span.ONE), of="SourceArn"),
    "moved-to": lambda asked: [
        Extent(arn, part, span) for arn in _destination(asked)
        for part, span in ((Part.CONTENT, Span.NEW), (Part.NAMES, Span.NEW), (Part.COUNTS, Span.ONE))],
    "task-figures": _task(Span.ALL),
    "task-counts": _task(Span.ONE),
}


def _destination(asked: Asked) -> list[str]:
    text = asked.params.get("DestinationArn")
    return [names.queue(text, asked.place)] if text else []


OPENING = {
    "Policy": "lets others in by a policy",
    "RedrivePolicy": "moves messages that fail to another queue",
    "RedriveAllowPolicy": "lets other queues move their failures here",
    "KmsMasterKeyId": "encrypts with another key",
}


OWN = frozenset({
    "DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout", "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope",
    "FifoThroughputLimit", "SqsManagedSseEnabled", "KmsDataKeyReusePeriodSeconds"})
"""Attributes that lead nowhere (SQS API, CreateQueue); one that is not known here may."""


def creating(asked: Asked) -> str:
    """What the attributes of a new queue open."""
    given = {name for name, value in (asked.params.get("Attributes") or {}).items() if value} - OWN
    other = "sets what is not known to lead nowhere" if given else ""
    return next((why for name, why in OPENING.items() if name in given), other)


def _failures(asked: Asked) -> list[str]:
    return onward.redrive((asked.params.get("Attributes") or {}).get("RedrivePolicy"), asked.place)


def setting(asked: Asked) -> str:
    """What changed attributes open; times and sizes decide what every reader gets."""
    given = asked.params.get("Attributes") or {}
    other = "changes how the queue treats everybody"
    return next((why for name, why in OPENING.items() if name in given), other)


def _sent(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    members = ("Id", "MessageGroupId", "MessageDeduplicationId")
    found = [(member, str(entry[member])) for member in members if member in entry]
    found += [("attribute", name) for name in entry.get("MessageAttributes") or ()]
    traced = (entry.get("MessageSystemAttributes") or {}).get("AWSTraceHeader")
    return found + ([("trace", str(traced.get("StringValue")))] if traced else [])


SERVICE = Service(
    rows=MESSAGES + QUEUES,
    extents=EXTENTS,
    arns={
        "any": anything,
        "queue": lambda asked: [_queue(asked)],
        "tagged": lambda asked: [_queue(asked)] if asked.params.get("tags") else [],
        "source": lambda asked: [names.queue(asked.params["SourceArn"], asked.place)],
        "destination": _destination,
        "failures": _failures,
    },
    openers={"creating": creating, "setting": setting},
    proofs={"standard": standard},
    leaves={
        "queue": lambda asked: [("queue", _queue(asked).rpartition(":")[2])],
        "sent": lambda asked: _sent(asked.params),
        "sent-batch": lambda asked: [pair for entry in asked.params["Entries"] for pair in _sent(entry)],
    },
)

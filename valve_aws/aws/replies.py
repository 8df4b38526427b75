"""What became of a call, told from its reply: outcome, new versions, cells that the reply names, cells that
are gone.

Knows which replies name cells and which say "done" and mean "in part". Does not know labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any, Final
from xml.parsers import expat

from valve_aws.aws import xmls
from valve_aws.aws.crossing import AwsCall
from valve_aws.aws.sessions import lends
from valve_aws.aws.unclear import Unclear
from valve_aws.model.call import Call
from valve_aws.model.cell import Cell, Part, Span
from valve_aws.model.ports import Outcome
from valve_aws.model.value import value

MOST = 8 << 20
"""Bytes of a reply that is held to settle its call: larger than any of those listed can be."""

ONE: Final = Span.ONE
NEW: Final = Span.NEW
CONTENT: Final = Part.CONTENT
DONE: Final = Outcome.DONE
UNKNOWN: Final = Outcome.UNKNOWN
"""Why by these names: to ask an enumeration for a member takes as long as a call (Python 3.11)."""


@value
class Settled:
    """What a reply settles."""

    outcome: Outcome
    versions: Mapping[Cell, str] = field(default_factory=dict)
    """For each cell that was replaced: its version id, else its ETag."""
    created: tuple[Cell, ...] = ()
    """Cells that only the reply names."""
    removed: tuple[Cell, ...] = ()
    seen: Mapping[Cell, str] = field(default_factory=dict)
    """For each cell that was read: the version that came, for recognition (law 9)."""


NAMING = {
    ("sqs", "SendMessage"): "sent",
    ("sqs", "SendMessageBatch"): "sent-batch",
    ("sns", "Publish"): "published",
    ("sns", "PublishBatch"): "published-batch",
}
"""Replies that name what was made."""

PARTIAL = {
    ("sqs", "DeleteMessageBatch"): "Failed", ("sqs", "ChangeMessageVisibilityBatch"): "Failed",
    ("dynamodb", "BatchWriteItem"): "UnprocessedItems", ("kinesis", "PutRecords"): "FailedRecordCount",
    ("firehose", "PutRecordBatch"): "FailedPutCount", ("events", "PutEvents"): "FailedEntryCount",
    ("dynamodb", "BatchExecuteStatement"): "Error",
}
"""Replies of status 200 that may mean "not all of it": the member that says so."""

XML_MAY_FAIL = frozenset({"CopyObject", "UploadPartCopy", "CompleteMultipartUpload"})
"""S3 operations whose reply of status 200 may hold an error."""

TELLING = ("x-amz-version-id", "etag")
"""The headers of a reply that tell anything of what became of a call; lower case."""

REMOVING = frozenset({("s3", "DeleteObject"), ("dynamodb", "DeleteItem")})


def wants_reply(call: Call) -> int:
    """Return how many bytes of the reply to hold before settling; 0: it may stream."""
    key = call.service, call.operation
    if lends(call) or (isinstance(call, AwsCall) and call.answer):
        return MOST
    if key in NAMING or key in PARTIAL or key == ("s3", "DeleteObjects"):
        return MOST
    return MOST if call.service == "s3" and call.operation in XML_MAY_FAIL else 0


def settle(call: Call, status: int, headers: Iterable[tuple[str, str]], body: bytes | None) -> Settled:
    """Return what a reply settles. A reply that cannot be read is of unknown outcome; `headers` are read only
    where they tell something."""
    outcome = outcome_of(status)
    if outcome is not DONE:
        return Settled(outcome)
    try:
        return done(call, headers, body or b"")
    except (Unclear, ValueError, KeyError, TypeError, AttributeError, expat.ExpatError):
        return Settled(UNKNOWN)


def outcome_of(status: int) -> Outcome:
    """Return what a status alone says. A time-out or a fault of the service may have changed something."""
    if 200 <= status < 300 or status == 304:
        return DONE
    if 300 <= status < 500 and status not in {408, 499}:
        return Outcome.FAILED
    return UNKNOWN


def done(call: Call, headers: Iterable[tuple[str, str]], body: bytes) -> Settled:
    """Return what a reply of success settles."""
    key = call.service, call.operation
    if key in NAMING:
        return named_by(call, body)
    if key in PARTIAL:
        return Settled(UNKNOWN if partly(call, PARTIAL[key], body) else DONE)
    if call.service == "s3":
        return s3_done(call, {low: v for n, v in headers if (low := n.lower()) in TELLING}, body)
    removed = single(call) if key in REMOVING else ()
    return Settled(DONE, removed=removed)


def s3_done(call: Call, headers: Mapping[str, str], body: bytes) -> Settled:
    """Return what S3's reply settles."""
    if call.operation == "DeleteObjects":
        return deleted_objects(call, body)
    version = version_of(headers)
    if call.operation in XML_MAY_FAIL:
        root = xmls.parsed(body)
        if root.tag == "Error":
            return Settled(UNKNOWN)
        tags = {child.tag: child.words() for child in root.children}
        version = version if headers.get("x-amz-version-id", "null") != "null" else tags.get("ETag", version)
    if call.operation == "DeleteObject":
        gone = () if call.params.get("VersionId") else single(call)
        return Settled(DONE, removed=gone)
    if call.operation in {"GetObject", "HeadObject"}:
        return Settled(DONE, seen=dict.fromkeys(read_cells(call), version) if version else {})
    cells = single(call)
    if call.operation == "CompleteMultipartUpload":
        cells = tuple(
            cell for cell in cells if "\0" not in cell.name
        )  # Why: its parts are gone, not replaced
    return Settled(DONE, dict.fromkeys(cells, version) if version else {})


def version_of(headers: Mapping[str, str]) -> str:
    """Return an object's version id, else its ETag, else ""."""
    version = headers.get("x-amz-version-id", "")
    return version if version and version != "null" else headers.get("etag", "")


def single(call: Call) -> tuple[Cell, ...]:
    """Return the cells of content that a call changes and names one by one."""
    return tuple([Cell(e.store, e.name, CONTENT) for e in call.effect.changes
                  if e.part is CONTENT and e.span is ONE])


def read_cells(call: Call) -> tuple[Cell, ...]:
    """Return the cells of content that a call reveals and names one by one."""
    return tuple([Cell(e.store, e.name, CONTENT) for e in call.effect.reveals
                  if e.part is CONTENT and e.span is ONE])


def stores_made_in(call: Call) -> tuple[str, ...]:
    """Return the stores in which a call makes cells that only the reply names."""
    return tuple(dict.fromkeys([e.store for e in call.effect.changes if e.span is NEW and e.part is CONTENT]))


def named_by(call: Call, body: bytes) -> Settled:
    """Return the cells that a reply names: message ids."""
    reply = document(call, body)
    if ids := collect(reply, "MessageId"):
        return Settled(DONE, created=tuple([Cell(s, ident) for s in stores_made_in(call) for ident in ids]))
    failed = collect(reply, "Code") or collect(reply, "SenderFault")
    return Settled(Outcome.FAILED if failed else UNKNOWN)


def partly(call: Call, member: str, body: bytes) -> bool:
    """Say whether a batch's reply says that a part of it failed."""
    reply = document(call, body)
    return any(v not in ("0", "", 0, [], {}, None) for v in collect_raw(reply, member))


def document(call: Call, body: bytes) -> Any:
    """Return a reply as nested mappings and lists, whatever its protocol."""
    protocol = call.protocol if isinstance(call, AwsCall) else "json"
    if protocol in {"query", "ec2", "rest-xml"}:
        return nested(xmls.parsed(body))
    return json.loads(body) if body else {}


def nested(element: xmls.Element) -> Any:
    """Return an XML element as a mapping of lists, or its text."""
    if not element.children:
        return element.words()
    out: dict[str, list[Any]] = {}
    for child in element.children:
        out.setdefault(child.tag, []).append(nested(child))
    return out


NESTED = (dict, list)


def collect_raw(value: Any, name: str) -> list[Any]:
    """Return every value that stands under a name, at any depth."""
    out: list[Any] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == name:
                out += inner if isinstance(inner, list) else [inner]
            if isinstance(inner, NESTED):
                out += collect_raw(inner, name)
    elif isinstance(value, list):
        for inner in value:
            out += collect_raw(inner, name)
    return out


def collect(value: Any, name: str) -> list[str]:
    """Return every text that stands under a name, at any depth."""
    return [str(v) for v in collect_raw(value, name) if not isinstance(v, NESTED)]


def deleted_objects(call: Call, body: bytes) -> Settled:
    """Return which objects of a batch are gone."""
    root = xmls.parsed(body)
    failed = {child.words() for error in root.children if error.tag == "Error"
              for child in error.children if child.tag == "Key"}
    versioned = {o["Key"] for o in call.params.get("Delete", {}).get("Objects", ()) if o.get("VersionId")}
    gone = tuple(c for c in single(call) if c.name not in failed and c.name not in versioned)
    return Settled(UNKNOWN if failed else DONE, removed=gone)



"""The hook's ports filled with the rooms' own verbs: requests, replies, events and handlers of one process.

Knows which room answers what the hook asks. Decides nothing, and does not know when a guard is on.
"""

from __future__ import annotations

import json
import linecache
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from valve_aws import application, runtime, template
from valve_aws.aws import Aws, AwsCall, Directory, names
from valve_aws.aws.credentials import UNSIGNED
from valve_aws.cloud import secrets
from valve_aws.course import commands as ask
from valve_aws.course.clerk import Clerk
from valve_aws.course.court import Court
from valve_aws.flow import Bystander, Judge
from valve_aws.hook.errand import Answered, Spoken, Written, content
from valve_aws.hook.invocation import Event, Failed, Invocation, Refused, payload
from valve_aws.hook.presigning import Made
from valve_aws.hook.watch import Invoke, Look, Watch
from valve_aws.model.call import Call, Effect, Evidence, Link, Unreadable
from valve_aws.model.cell import Extent, Part, one
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.ports import Book, Outcome, Sink, Tables
from valve_aws.model.record import Record
from valve_aws.model.stack import Function, KeySchema, Resource, Stack
from valve_aws.model.verdict import Holding, Mode

if TYPE_CHECKING:
    from valve_aws.canary import Lookout

LOOKED_AT = 1 << 20
"""Bytes of a file that are looked through for decoys."""


def watch(
    stack: Stack,
    policy: FlowPolicy,
    mode: Mode,
    book: Book,
    sink: Sink,
    seen: Callable[[Record], None],
    invoke: Invoke = lambda *_: None,
) -> Watch:
    """Return the hook of one guard over a book and a sink; `seam.put_in` lets it see every call."""
    tables = Learned(stack)
    known = secrets(stack, policy, ())
    aws = Aws(stack.account, stack.region, tables, secrets=known, directory=_directory())
    return Watch(
        Court(Judge(policy, stack), mode, stack.account, stack.region),
        Court(Bystander(policy, stack), mode, stack.account, stack.region),
        Clerk(book, sink, seen, lambda: (f"r-{os.urandom(6).hex()}", _now())),
        Wire(aws, tables),
        lru_cache(4096)(lambda file, line: _quoted(stack.folder, file, line)),
        invoke,
    )


@cache
def _directory() -> Directory:
    """Return the services of this process, compiled once: many tests have a guard each."""
    return Directory()


class Learned:
    """How tables tell their items apart: by the template, and by what was seen to be created."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._known = stack, template.schema(stack)
        self._created: dict[str, KeySchema | None] = {}

    def __call__(self, table: str, /) -> KeySchema | None:
        """See `Tables`."""
        return self._known(table) or self._created.get(table)

    def created(self, call: Call) -> None:
        """Take in that a table is there now."""
        for arn in call.resources:
            table = Resource("created", "AWS::DynamoDB::Table", "", arn, call.params)
            self._created[arn] = template.schema(replace(self._stack, resources={"created": table}))(arn)


class Wire:
    """`aws/` as the hook asks it."""

    def __init__(self, aws: Aws, tables: Learned) -> None:
        self._aws, self.tables = aws, tables
        self._place = lru_cache(64)(aws.place)
        self._links: dict[str, Link] = {}
        """By signature."""

    def given(self, spoken: Spoken) -> Call | Unreadable:
        """See `errand.Wire`."""
        place = self._place(spoken.region, spoken.partition)
        call = self._aws.given(
            spoken.service,
            spoken.operation,
            spoken.params,
            place,
            spoken.protocol,
            "" if spoken.signed else UNSIGNED,
            spoken.evidence,
        )
        if self._links and isinstance(call, Call) and (links := self.links(spoken.params)):
            return replace(call, links=links)
        return call

    def presigned(self, spoken: Spoken, made: Made, function: str, environment: str) -> None:
        """See `errand.Wire`."""
        call, problem = self.given(spoken), made.problem
        if isinstance(call, Unreadable):
            problem = problem or call.problem
            call = Call(spoken.service, spoken.operation, spoken.region, (), Effect())
        link = Link(
            made.text, function, environment, call, time.time() + made.seconds, made.form, None, problem
        )
        self._links.update(dict.fromkeys(made.signatures, link))

    def links(self, value: Any) -> tuple[Link, ...]:
        """See `errand.Wire`."""
        text = _shown(value) if self._links else ""
        found = [link for signature, link in self._links.items() if signature in text]
        return tuple({link.text: link for link in found}.values())

    def reply(self, call: Call, http: Any, parsed: Mapping[str, Any]) -> ask.Reply:
        """See `errand.Wire`."""
        wanted = self._aws.wants_reply(call)
        if http is None:
            told = parsed.get("ResponseMetadata", {})
            status, given = told.get("HTTPStatusCode", 200), told.get("HTTPHeaders", {}).items()
            headers = ((str(name), str(value)) for name, value in given)
            body = json.dumps(parsed, default=str).encode() if wanted else None
            if isinstance(call, AwsCall):
                call = replace(call, protocol="json")
        else:
            # Why one by one, and when asked: botocore's mapping makes two objects for each that it is
            # walked over.
            status, said = http.status_code, ((name, http.headers.get(name)) for name in self._aws.telling)
            headers = ((name, str(value)) for name, value in said if value is not None)
            body = http.content if wanted else None
        found = self._aws.reply(call, status, headers, body)
        if call.operation == "CreateTable" and found.outcome is Outcome.DONE:
            self.tables.created(call)
        return ask.Reply(
            status, found.outcome, found.versions, found.created, found.removed, found.seen, whole=True
        )

    def refusal(self, spoken: Spoken, ident: str, answer: tuple[str, str]) -> Written:
        """See `errand.Wire`."""
        return self._aws.refusal_of(spoken.service, spoken.operation, spoken.protocol, ident, answer)


class Nowhere:
    """A sink for records that stay in memory."""

    def write(self, record: Record) -> None:
        """See `Sink.write`: the list is kept by whoever is told."""


# Events


def arrived(watch: Watch, function: Function, content: Any, trigger: str) -> Event:
    """Return an event with what is known of it: its trigger, and what the book has of what it is made of.

    An event that names its source in `Records`, as Lambda's own do, is taken to come from there.
    """
    source, holding = "operator", Holding()
    extents = list(dict.fromkeys(_extents(content, watch.wire.tables)))
    if extents:
        source = extents[0].store
        with watch.lock:
            held = watch.clerk.at_once(ask.Look(extents))
        found = [watch.court.judge.carried(extent, held[extent]) for extent in extents]
        ways = {way.tag: way for each in found for way in each.ways}
        label = frozenset[str]().union(*(each.label for each in found))
        holding = Holding(label, all(each.complete for each in found), tuple(ways.values()))
        woken = [t for t in function.triggers if t.source.partition("/stream/")[0] == source]
        trigger = trigger or (f"{function.logical}.{woken[0].name}" if len(woken) == 1 else "")
    causes = [way.record for way in holding.ways if way.record]
    fields = application.fields(_text(content)) if trigger else {}
    return Event(content, trigger, fields, holding, source, causes[0] if causes else "")


def _extents(content: Any, tables: Tables) -> Iterator[Extent]:
    records = content.get("Records") if isinstance(content, Mapping) else None
    for record in records if isinstance(records, list) else ():
        if not isinstance(record, Mapping):
            continue
        try:
            yield from SOURCES.get(record.get("eventSource", ""), _whole)(record, tables)
        except (KeyError, TypeError, AttributeError, names.NotCanonical):
            yield from _whole(record, tables)


def _message(record: Mapping[str, Any], _: Tables) -> Iterator[Extent]:
    yield one(record["eventSourceARN"], record["messageId"])


def _object(record: Mapping[str, Any], _: Tables) -> Iterator[Extent]:
    """A notification tells that the object is there and how large it is, and nothing of its content."""
    bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
    yield one(f"arn:aws:s3:::{bucket}", key, Part.NAMES)


def _item(record: Mapping[str, Any], tables: Tables) -> Iterator[Extent]:
    table = record["eventSourceARN"].partition("/stream/")[0]
    schema = tables(table)
    yield one(table, names.item(record["dynamodb"]["Keys"], schema)) if schema else Extent(table)


def _whole(record: Mapping[str, Any], _: Tables) -> Iterator[Extent]:
    """Of any other source, or of one that cannot be told apart, all that it has."""
    source = record.get("eventSourceARN") or (record.get("Sns") or {}).get("TopicArn")
    if isinstance(source, str) and source.startswith("arn:"):
        yield Extent(source.partition("/stream/")[0])


SOURCES: Mapping[str, Callable[[Mapping[str, Any], Tables], Iterator[Extent]]] = {
    "aws:sqs": _message,
    "aws:s3": _object,
    "aws:dynamodb": _item,
}


# One handler for another


def invoked(invocation: Invocation, sending: ask.Forward, body: Any, waits: bool) -> Answered:
    """Run a handler for another caller: what it comes to carries its label to him (law 11)."""
    headers = [("content-type", "application/json"), ("x-amzn-requestid", sending.record)]
    sent = content(body) or b"{}"
    if fault := runtime.faults.unacceptable(sent, waits):
        status, code, told = fault
        return Answered(status, [*headers, ("x-amzn-errortype", code)], told)
    carried = Holding(sending.carries, True, sending.ways)
    event = Event(json.loads(sent), "", {}, carried, sending.call.resources[0], sending.record)
    subject, failed = None, True
    try:
        value, subject = invocation.run(event, None)
        done, failed = payload(value), False
    except (TypeError, ValueError) as mistake:  # Why: the handler's own come as `Failed`
        done = payload({"errorMessage": str(mistake), "errorType": "Runtime.MarshalError"})
    except Failed as error:
        subject = error.subject
        done = payload({"errorMessage": str(error.error), "errorType": type(error.error).__name__})
    except Refused as refused:
        done = runtime.faults.refused("Valve.EventRefused", refused.record)
    if subject is not None:
        invocation.ended(subject.function, subject.label)
    if not waits:
        return Answered(202, headers, b"")
    headers.append(("x-amz-executed-version", "$LATEST"))
    if failed:
        headers.append(("x-amz-function-error", "Unhandled"))
    if subject is None:
        return Answered(200, headers, done, sending.carries, sending.ways)
    return Answered(200, headers, done, subject.label, tuple(subject.ways.values()))


def _quoted(folder: Path, file: str, line: int) -> Evidence:
    """Return a line of source as people find it: relative to the template where it is beside it."""
    base, text = folder.resolve(), linecache.getline(file, line).strip()
    path = Path(file)
    return Evidence(str(path.relative_to(base)) if path.is_relative_to(base) else file, line, text)


def _shown(value: Any) -> str:
    """Return a value as text, with what botocore has made a file of in memory."""
    files = (
        [v.getvalue() for v in value.values() if isinstance(v, BytesIO)] if isinstance(value, Mapping) else []
    )
    return f"{value!r}{files!r}"


def _text(content: Any) -> bytes:
    try:
        return json.dumps(content).encode()
    except (TypeError, ValueError):
        return b""


def _now() -> str:
    seconds, rest = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def looking(lookout: Lookout) -> Look:
    """Return what shows a lookout all that a handler says, a value at a time."""

    def look(function: str, call: Call | Unreadable | str, said: Any, record: str) -> None:
        place = lookout.place(function, call)
        place.record = record
        for value in _values(said):
            lookout.look(place, "its values", value)

    return look


def _values(said: Any) -> Iterator[bytes]:
    """Yield every text in parameters or a result, names too; of a file what is left of it, as far as it can
    be read twice."""
    if isinstance(said, Mapping):
        for name, value in said.items():
            yield from _values(name)
            yield from _values(value)
    elif isinstance(said, list | tuple | set | frozenset):
        for value in said:
            yield from _values(value)
    elif isinstance(said, bytes | bytearray):
        yield bytes(said)
    elif isinstance(said, str | BaseException):
        yield str(said).encode("utf-8", "replace")
    elif hasattr(said, "read") and hasattr(said, "seekable") and said.seekable():
        at = said.tell()
        yield from _values(said.read(LOOKED_AT))
        said.seek(at)

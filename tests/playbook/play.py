"""A stage for courses: real judgement, real book in memory, records in a list; who waits is in the script.

Knows in which order things were asked for. Does not know HTTP; `exchanges` has requests as bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valve_aws import policy, template, text
from valve_aws.aws import Aws, Keyring
from valve_aws.course import commands as ask
from valve_aws.course.carry import Court, cross
from valve_aws.course.subject import Subject
from valve_aws.flow import Judge
from valve_aws.labels import SqliteBook
from valve_aws.model.call import Call, Effect, Evidence
from valve_aws.model.cell import Cell, Extent, Part, Span, one
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.ports import BookError, Outcome
from valve_aws.model.record import Record
from valve_aws.model.verdict import Mode, Verdict, Way
from valve_aws.passage.driver import Passage
from valve_aws.proxy import Upstream

ACCOUNT, REGION = "123456789012", "us-east-1"
CUSTOMERS = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/customers"
KEEP, DROP = "arn:aws:s3:::keep", "arn:aws:s3:::drop"
JOBS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
PII: Label = frozenset({"pii"})

TEMPLATE = """
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties: &code
      Runtime: python3.11
      Handler: index.handler
      InlineCode: "pass"
      Policies:
        - AmazonS3FullAccess
        - AmazonSQSFullAccess
        - AmazonDynamoDBFullAccess
        - {Statement: [{Effect: Allow, Action: "sts:*", Resource: "*"}]}
  Helper: {Type: AWS::Serverless::Function, Properties: *code}
  Blind: {Type: AWS::Serverless::Function, Properties: *code}
  Customers:
    Type: AWS::Serverless::SimpleTable
    Properties: {TableName: customers, PrimaryKey: {Name: id, Type: String}}
  Keep: {Type: AWS::S3::Bucket, Properties: {BucketName: keep}}
  Drop: {Type: AWS::S3::Bucket, Properties: {BucketName: drop}}
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
"""

POLICY = """
version: 1
labels: {pii: {}}
stores:
  Customers: {accepts: [pii]}
  Keep: {accepts: [pii]}
  Jobs: {accepts: [pii]}
  "http://clean.test/*": {accepts: []}
  "http://taken.test/*": {accepts: [pii]}
  "ses:to/b@clean.test": {accepts: []}
functions:
  Blind: {clearance: []}
"""

OUT = """
results: {accepts: []}
logs: {accepts: [], release: {orderId: "ORD-[0-9]{1,3}"}}
"""
POLICY += OUT


class Kept:
    """A sink in memory. `broken` makes it fail like a full disk."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.broken = False

    def write(self, record: Record) -> None:
        if self.broken:
            raise BookError("the disk is full")
        self.records.append(record)


class Book(SqliteBook):
    """The real book. `broken` makes the named methods fail."""

    broken: frozenset[str] = frozenset()

    def stamp(self) -> int:
        self._fail("stamp")
        return super().stamp()

    def held(self, *given: Any, **named: Any) -> Any:
        self._fail("held")
        return super().held(*given, **named)

    def raise_(self, *given: Any, **named: Any) -> bool:
        self._fail("raise_")
        return super().raise_(*given, **named)

    def settle(self, *given: Any, **named: Any) -> None:
        self._fail("settle")
        super().settle(*given, **named)

    def _fail(self, method: str) -> None:
        if method in self.broken:
            raise BookError("the book is silent")


@dataclass
class Stage:
    """What all plays of one test share."""

    mode: Mode = Mode.ENFORCE
    told: list[tuple[str, ask.Command]] = field(default_factory=list)
    """(subject's environment, command), in order, of all plays."""
    seen: list[Record] = field(default_factory=list)
    """What the operator was told of."""
    more: str = ""
    """`functions` in the place of the policy's own, and whatever follows them."""

    def __post_init__(self) -> None:
        stack = template.read(
            Path("template.yaml"),
            parameters={},
            stack="play",
            account=ACCOUNT,
            region=REGION,
            physical={},
            load=lambda path: text.parse(TEMPLATE, str(path)),
        )
        lines = POLICY.partition("functions:")[0] + self.more + OUT if self.more else POLICY
        rules = policy.read(text.parse(lines, "valve.yaml"), stack, "valve.yaml")
        idents = (f"r-{n}" for n in range(1, 1000))
        self.court = Court(Judge(rules, stack), self.mode, ACCOUNT, REGION)
        self.book, self.sink = Book(":memory:", "play", sole=True), Kept()
        ring = Keyring(os.urandom)
        self.passage = Passage(
            self.court,
            stack,
            self.book,
            self.sink,
            Aws(ACCOUNT, REGION, template.schema(stack), ring=ring),
            Upstream(),
            nobody,
            nobody,
            self.seen.append,
            lambda: next(idents),
            {},
            lambda _, file, line: Evidence(file, line),
            ring,
        )
        self.book.know([(Cell(CUSTOMERS, "c1"), PII, ""), (Cell(CUSTOMERS, "c2"), CLEAN, "")])

    def subject(self, label: Label = CLEAN, function: str = "Worker", name: str = "env") -> Subject:
        ways = {tag: Way(tag) for tag in label}
        return Subject(name, function, label, ways, invocation="i-1")

    def cross(self, call: Call, subject: Subject | None = None) -> Play:
        subject = subject or self.subject()
        return Play(self, subject.environment, cross(self.court, subject, call))

    def carries(self, store: str, name: str, part: Part = Part.CONTENT) -> Label:
        """Return what the book says of one cell now."""
        extent = one(store, name, part)
        label: Label = SqliteBook.held(self.book, [extent])[extent].label
        return label

    def open(self) -> set[str]:
        """Return the records whose rises the book keeps open."""
        return {record for (record,) in self.book._db.execute("SELECT DISTINCT record FROM under_way")}

    def order(self, *kinds: type) -> list[str]:
        """Return the names of what was asked for, of some kinds or all."""
        return [type(c).__name__ for _, c in self.told if not kinds or isinstance(c, kinds)]

    def forwarded(self) -> bool:
        return any(isinstance(c, ask.Forward) for _, c in self.told)


async def nobody(*_: Any) -> Any:
    raise AssertionError("nobody is to be asked for this")


WAITING = (ask.Collect, ask.Forward, ask.Release, ask.Refuse, ask.Fail)


class Play:
    """One course, played until somebody has to be waited for."""

    def __init__(self, stage: Stage, name: str, course: ask.Course[Any]) -> None:
        self.stage, self.name, self.course = stage, name, course
        self.verdict: Any = None
        self.over = False
        self.waits: Any = None
        """The command that waits for an answer; None when it is over."""
        self._go(lambda: course.send(None))

    def answer(self, value: Any = None) -> Play:
        """Answer what waits."""
        return self._go(lambda: self.course.send(value))

    def throw(self, error: BaseException) -> Play:
        """Let what waits fail."""
        return self._go(lambda: self.course.throw(error))

    def end(self, reply: ask.Reply | None = None) -> Verdict:
        """Play to the end: what is forwarded is answered by `reply`, everything else is done."""
        while not self.over:
            given = (reply or ask.Reply(200, Outcome.DONE)) if isinstance(self.waits, ask.Forward) else None
            self.answer(given)
        verdict: Verdict = self.verdict
        return verdict

    def _go(self, step: Callable[[], ask.Command]) -> Play:
        self.waits = None
        while True:
            try:
                command = step()
            except StopIteration as done:
                self.verdict, self.over = done.value, True
                return self
            self.stage.told.append((self.name, command))
            if isinstance(command, WAITING):
                self.waits = command
                return self
            try:
                found = self.stage.passage.at_once(command)
                step = lambda found=found: self.course.send(found)  # noqa: E731  a step is one expression
            except BookError as error:
                step = lambda error=error: self.course.throw(error)  # noqa: E731  as above


# Calls, as the wire would have read them


def get(name: str = "c1") -> Call:
    """Read a customer."""
    return _call("dynamodb", "GetItem", CUSTOMERS, Effect(reveals=(one(CUSTOMERS, name),)))


def put(bucket: str, key: str = "k") -> Call:
    """Write an object, of which nothing comes back."""
    return _call("s3", "PutObject", bucket, Effect(changes=(one(bucket, key),), blind=True))


def send() -> Call:
    """Write a message, whose name the reply gives."""
    new = Extent(JOBS, Part.CONTENT, Span.NEW)
    return _call("sqs", "SendMessage", JOBS, Effect(changes=(new,), blind=True))


def _call(service: str, operation: str, store: str, effect: Effect) -> Call:
    return Call(service, operation, REGION, (store,), effect, actions=((f"{service}:{operation}", store),))


def rules(verdict: Verdict) -> set[str]:
    return {str(reason.rule) for reason in verdict.refused}


def verdicts(records: Iterable[Record]) -> Sequence[tuple[str, str]]:
    """Return (operation, verdict) of records."""
    return [(r.operation, r.verdict) for r in records]

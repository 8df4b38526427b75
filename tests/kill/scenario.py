"""One environment's calls, from the first byte at the proxy to the last of the reply.

`play` runs in a forked child, which is killed after one of the calls that leave Python from a door.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from valve_aws import policy, template, text
from valve_aws.audit import FileSink
from valve_aws.aws import Aws, Keyring, issue
from valve_aws.aws import Endpoint as AwsEndpoint
from valve_aws.backend import endpoint
from valve_aws.course.carry import Court
from valve_aws.course.subject import Subject
from valve_aws.flow import Judge
from valve_aws.labels import SqliteBook
from valve_aws.model.call import Call, Effect
from valve_aws.model.plan import Listeners
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Mode
from valve_aws.passage import crossing
from valve_aws.passage.driver import Passage
from valve_aws.proxy import Dial, Exchange, Server, Upstream

TEMPLATE = """
Resources:
  Keep:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: a.b
      InlineCode: "pass"
      Policies: [AmazonS3FullAccess, AmazonSQSFullAccess, AmazonDynamoDBFullAccess]
  Customers:
    Type: AWS::Serverless::SimpleTable
    Properties: {TableName: customers, PrimaryKey: {Name: id, Type: String}}
  Files: {Type: AWS::S3::Bucket, Properties: {BucketName: files}}
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
"""
POLICY = """
version: 1
labels: {pii: {}}
stores:
  Customers: {attributes: {email: [pii]}, accepts: [pii]}
  Files: {accepts: [pii]}
  Jobs: {accepts: [pii]}
"""
DOORS = (
    "labels/sqlite.py",
    "labels/looks.py",
    "audit/sink.py",
    "proxy/wire.py",
    "proxy/upstream.py",
    "asyncio/selector_events.py",
)
"""Where the valve touches what outlives it: its own files, and the network (asyncio writes to that)."""

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
EMAIL = {"id": {"S": "c1"}, "email": {"S": "secret"}}
CALLS: Sequence[tuple[str, str, dict[str, Any], bytes]] = (
    ("s3", "PutObject", {"Bucket": "files", "Key": "clean"}, b"plain"),
    ("dynamodb", "GetItem", {"TableName": "customers", "Key": {"id": {"S": "c1"}}}, b""),
    ("s3", "PutObject", {"Bucket": "files", "Key": "new"}, b"secret"),
    ("s3", "PutObject", {"Bucket": "files", "Key": "clean"}, b"secret"),
    ("sqs", "SendMessage", {"QueueUrl": QUEUE, "MessageBody": "secret"}, b""),
    ("dynamodb", "PutItem", {"TableName": "customers", "Item": EMAIL}, b""),
    ("s3", "DeleteObject", {"Bucket": "files", "Key": "new"}, b""),
)


@cache
def stack() -> Stack:
    """Return the application. Why once: each child that is killed finds it read."""
    return template.read(
        Path("template.yaml"),
        parameters={},
        stack="kill",
        account="123456789012",
        region="us-east-1",
        physical={},
        load=lambda path: text.parse(TEMPLATE, str(path)),
    )


@cache
def rules() -> FlowPolicy:
    """Return its policy."""
    return policy.read(text.parse(POLICY, "valve.yaml"), stack(), "valve.yaml")


@cache
def wire() -> Aws:
    """Return what reads and writes its calls, models read."""
    made = Aws(stack().account, stack().region, template.schema(stack()))
    requests(made, issue(os.urandom))
    return made


def book(folder: Path, url: str) -> SqliteBook:
    """Open the label book of a run, as the next valve would."""
    return SqliteBook(folder / "labels.db", endpoint(url).generation, sole=False)


def passage(folder: Path, url: str, late: bool) -> Passage:
    """Assemble the valve's middle. `late` is the mutant whose book hears of nothing in time."""
    application, where = stack(), endpoint(url)

    async def backend() -> Any:
        return where

    async def never(*_: Any) -> Any:
        raise AssertionError("no function is invoked here")

    court = Court(Judge(rules(), application), Mode.ENFORCE, application.account, application.region)
    kept = book(folder, url)
    made = Passage(
        court,
        application,
        kept,
        FileSink(folder / "audit.jsonl"),
        wire(),
        Upstream(),
        backend,
        never,
        lambda _: None,
        lambda: f"r-{os.urandom(6).hex()}",
        {},
        lambda _f, file, line: crossing.Evidence(file, line),
        Keyring(os.urandom),
    )
    if late:
        kept.raise_ = lambda *_: True  # type: ignore[method-assign]  # the mutant: the book hears of nothing in time
    return made


async def serve(made: Passage, calls: Sequence[bytes], key: Any) -> None:
    """Serve one environment on loopback, and be its function: one connection, one call after the other."""
    subject = Subject("Keep-1", "Keep")
    listening = socket.create_server(("127.0.0.1", 0))

    async def request(exchange: Exchange) -> None:
        await crossing.request(made, subject, key, exchange)

    async def dial(connection: Dial) -> None:
        await connection.refuse()

    async def name(_: str, __: str) -> bool:
        return False

    server = await Server.open(Listeners((listening,), (), False), "Keep-1", None, request, dial, name)
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    for call in calls:
        writer.write(call)
        await _reply(reader)
    writer.close()
    await server.close()
    await made.upstream.close()


async def _reply(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status = int(head.split(" ", 2)[1])
    assert status in (200, 204), head
    length = next(
        (
            int(v)
            for k, _, v in (h.partition(":") for h in head.lower().split("\r\n"))
            if k == "content-length"
        ),
        0,
    )
    await reader.readexactly(length)


def requests(aws: Aws, key: Any) -> list[bytes]:
    """Return every call as the bytes that an SDK of this environment would send."""
    there = AwsEndpoint("http", "127.0.0.1", 80)
    found = []
    for service, operation, params, body in CALLS:
        call = Call(service, operation, "us-east-1", (), Effect(), params)
        out = aws.write(call, there, key, datetime.now(UTC), body or None)
        head = [f"{out.method} {out.path} HTTP/1.1", *(f"{n}: {v}" for n, v in out.headers)]
        found.append("\r\n".join(head).encode() + b"\r\n\r\n" + (out.body or b""))
    return found


def play(folder: Path, url: str, at: int, late: bool = False) -> int:
    """Play it in a forked child, killed at step `at` (0: never); return how many steps there were, else 0."""
    for each in (rules, wire):
        each()
    counted, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(counted)
            made = passage(folder, url, late)
            key = issue(os.urandom)
            calls = requests(wire(), key)
            steps = Steps(at)
            asyncio.run(_watched(serve(made, calls, key), steps))
            os.write(tell, str(steps.count).encode())
        finally:
            os._exit(0)
    os.close(tell)
    with os.fdopen(counted, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or said, "the scenario failed by itself"
    return int(said or 0)


def outside(function: Any) -> bool:
    """Say whether a call may have an effect outside: not one to a value of the language itself.

    Why: being killed before and after a call that touches nothing but our own memory is one and the same.
    """
    owner = getattr(function, "__self__", None)
    home = owner.__name__ if isinstance(owner, type(sys)) else type(owner).__module__
    return home not in {"builtins", "collections", "_asyncio", "_struct", "_thread", "_json"}


class Steps:
    """Counts what leaves Python from a door, and ends the process at one of them."""

    def __init__(self, at: int) -> None:
        self.count, self._at = 0, at

    def __call__(self, frame: Any, event: str, function: Any) -> None:
        """Hear of the return of a call to C (sys.setprofile); until the next one nothing changes outside."""
        if event == "c_return" and frame.f_code.co_filename.endswith(DOORS) and outside(function):
            self.count += 1
            if self.count == self._at:
                os.kill(os.getpid(), signal.SIGKILL)


async def _watched(course: Any, steps: Callable[..., None]) -> None:
    sys.setprofile(steps)
    try:
        await course
    finally:
        sys.setprofile(None)

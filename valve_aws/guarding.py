"""The cooperative guard put together: template, policy, judge, book, records and hook, in this very process.

Knows who needs whom. Decides nothing, and is no boundary: a function can step around it (docs/THREATS.md).
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path
from types import TracebackType
from typing import Any

from valve_aws import application, audit, runtime, template
from valve_aws.aws import Aws, AwsCall
from valve_aws.cloud import secrets
from valve_aws.course import commands as ask
from valve_aws.course.clerk import Clerk
from valve_aws.course.court import Court
from valve_aws.flow import Bystander, Judge
from valve_aws.hook import seam
from valve_aws.hook.errand import Answered, Spoken, Written
from valve_aws.hook.invocation import Event, Failed, Invocation, Refused, payload, wrapped
from valve_aws.hook.watch import Watch
from valve_aws.labels import SqliteBook
from valve_aws.ledger import Ledger
from valve_aws.model.call import Call, Unreadable
from valve_aws.model.cell import one
from valve_aws.model.label import Label
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.ports import Book, Sink
from valve_aws.model.record import Record
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Holding, Mode
from valve_aws.settings import Settings

STRENGTH = "cooperative"
"""How this guard is named wherever its strength is: never a boundary."""

Say = Callable[[str], None]


def guard(
    policy: str | Path | None = None,
    template: str | Path | None = None,
    mode: str = "",
    **more: Any,
) -> Guard:
    """Return a cooperative guard: a context manager, and a decorator of functions and coroutines.

    `policy` and `template` are files; what is not given is looked for beside the other, then here. Without a
    policy the mode is `audit`. `more`: `region`, `account`, `stack`, `parameters`, `physical` (logical id →
    name of a resource), `labels` and `audit` (files, else both stay in memory), `backend` (not `moto` where
    others write to it as well), `say` (where refusals are told). Raises `Invalid` for a mistake in a file.
    """
    return Guard(policy, template, mode, **more)


class Guard:
    """A cooperative guard. Who is calling is said by `handler`; everybody else is the operator."""

    def __init__(
        self,
        policy: str | Path | None,
        template: str | Path | None,
        mode: str,
        say: Say | None = None,
        **more: Any,
    ) -> None:
        self._say = say or _to_stderr
        region = more.pop("region", "") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        for name in ("labels", "audit"):
            more[name] = _path(more.get(name))
        self.settings = Settings(
            template=_beside(template, policy), policy=_path(policy), mode=mode, region=region, **more
        )
        self.stack, self.policy = self._read(template is not None or policy is not None)
        self.mode = Mode(mode) if mode else self.policy.mode
        self._ledger = Ledger(self.stack, self.mode, self._say, STRENGTH)
        self._handlers: dict[str, Invocation] = {}
        self._watch: Watch | None = None
        self._closers: list[Callable[[], None]] = []

    @property
    def records(self) -> list[Record]:
        """Return every crossing, in order."""
        return self._ledger.records

    @property
    def refusals(self) -> list[Record]:
        """Return those that were refused, in `enforce`."""
        return self._ledger.refusals

    def _read(self, named: bool) -> tuple[Stack, FlowPolicy]:
        try:
            stack, _ = application.read(self.settings, self._say)
        except Invalid:
            if named:
                raise
            account = self.settings.account or "123456789012"
            return Stack("", account, self.settings.region, {}, {}), FlowPolicy()
        return stack, application.rules(self.settings, stack)

    # Lifetime

    def __enter__(self) -> Guard:
        if self._watch is not None:
            raise RuntimeError("this guard is on already; make another for what is within")
        self._ledger.clear()
        book, sink = self._book(), self._sink()
        self._watch = watch(self.stack, self.policy, self.mode, book, sink, self._ledger.add, self._invoke)
        seam.put_in(self._watch)
        return self

    def _book(self) -> SqliteBook:
        sole = self.settings.backend == "moto"
        generation = f"guard/{os.getpid()}.{time.time_ns()}" if sole else self.settings.backend
        book = SqliteBook(self.settings.labels or ":memory:", generation, sole=sole)
        self._closers.append(book.close)
        return book

    def _sink(self) -> Sink:
        if self.settings.audit is None:
            return Nowhere()
        file = audit.FileSink(self.settings.audit)
        self._closers.append(file.close)
        return file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            seam.take_out(self._watch)
            self._watch = None
        while self._closers:
            self._closers.pop()()

    def __call__(self, function: Any) -> Any:
        """Guard a function, or a coroutine function, each time it is called."""
        if iscoroutinefunction(function):

            @wraps(function)
            async def later(*given: Any, **named: Any) -> Any:
                with self:
                    return await function(*given, **named)

            return later

        @wraps(function)
        def now(*given: Any, **named: Any) -> Any:
            with self:
                return function(*given, **named)

        return now

    # Handlers

    def handler(self, logical_id: str, function: Callable[..., Any], event_source: str = "") -> Any:
        """Return `function` so that what it calls is called by the template's function `logical_id`.

        `event_source` is `Function.Event`, for the labels of `events:`. In `enforce` it raises `EventRefused`
        and `ResultRefused` for what may not come in or go out. Raises `Invalid` for a name that the template
        does not have.
        """
        logical = application.choose(self.stack, self.policy, logical_id, event_source, self._say)
        invocation = Invocation(self._on, logical, function, lambda: str(uuid.uuid4()))
        self._handlers[self.stack.functions[logical].arn] = invocation
        return wrapped(invocation, lambda content: Event(content, event_source, _fields(content)))

    def _on(self) -> Watch:
        if self._watch is None:
            raise RuntimeError("the guard is not on: call handlers within `with guard:`")
        return self._watch

    def _invoke(self, call: Call, sending: ask.Forward, body: bytes) -> Answered | None:
        """Run another handler of this guard for a call of Lambda's Invoke."""
        if call.service != "lambda" or call.operation != "Invoke" or not call.resources:
            return None
        invocation = self._handlers.get(call.resources[0])
        kind = call.params.get("InvocationType", "RequestResponse")
        if invocation is None or kind == "DryRun":
            return None
        return _invoked(invocation, sending, body, waits=kind != "Event")

    # What the operator sees

    def label_of(self, store: str, name: str) -> Label:
        """Return what the book has for one cell while the guard is on, without what the policy adds to it;
        `store` is a logical id or an ARN, `name` an object's key, a message's id or an item's key."""
        found = self.stack.resources.get(store)
        held: Label = (
            self._on().clerk.at_once(ask.Look([one(found.arn if found else store, name)])).popitem()[1].label
        )
        return held

    def summary(self) -> str:
        """Return one line about the run; it says how strong the guard was."""
        return self._ledger.summary()


class Operator:
    """The operator's half alone, over the book of a valve that guards its functions otherwise: what this
    process writes into its cloud through botocore is labelled there, recorded, and never judged.

    `book` is one for this process's threads (`SqliteBook.again`); `seen` is called on the thread that calls.
    """

    def __init__(
        self,
        stack: Stack,
        policy: FlowPolicy,
        mode: Mode,
        book: Book,
        sink: Sink,
        seen: Callable[[Record], None],
    ) -> None:
        self._watch = watch(stack, policy, mode, book, sink, seen)

    def __enter__(self) -> Operator:
        seam.put_in(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        seam.take_out(self._watch)


def watch(
    stack: Stack,
    policy: FlowPolicy,
    mode: Mode,
    book: Book,
    sink: Sink,
    seen: Callable[[Record], None],
    invoke: Callable[[Call, ask.Forward, bytes], Answered | None] = lambda *_: None,
) -> Watch:
    """Return the hook of one guard over a book and a sink; `seam.put_in` lets it see every call."""
    tables = template.schema(stack)
    aws = Aws(stack.account, stack.region, tables, secrets=secrets(stack, policy, ()))
    account, region = stack.account, stack.region
    return Watch(
        Court(Judge(policy, stack), mode, account, region),
        Court(Bystander(policy, stack), mode, account, region),
        Clerk(book, sink, seen, lambda: (f"r-{os.urandom(6).hex()}", _now())),
        Wire(aws),
        invoke,
    )


class Wire:
    """`aws/` as the hook asks it."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def given(self, spoken: Spoken) -> Call | Unreadable:
        """See `errand.Wire`."""
        place = self._aws.place(spoken.region, spoken.partition)
        key = "-" if spoken.signed else ""
        return self._aws.given(spoken.service, spoken.operation, spoken.params, place, spoken.protocol, key)

    def reply(self, call: Call, http: Any, parsed: Mapping[str, Any]) -> ask.Reply:
        """See `errand.Wire`."""
        wanted = self._aws.wants_reply(call)
        if http is None:
            told = parsed.get("ResponseMetadata", {})
            status, headers = told.get("HTTPStatusCode", 200), _pairs(told.get("HTTPHeaders", {}))
            body = json.dumps(parsed, default=str).encode() if wanted else None
            if isinstance(call, AwsCall):
                call = replace(call, protocol="json")
        else:
            status, headers = http.status_code, _pairs(http.headers)
            body = http.content if wanted else None
        found = self._aws.reply(call, status, headers, body)
        return ask.Reply(
            status, found.outcome, found.versions, found.created, found.removed, found.seen, whole=True
        )

    def refusal(self, spoken: Spoken, ident: str, answer: tuple[str, str]) -> Written:
        """See `errand.Wire`."""
        return self._aws.refusal_of(spoken.service, spoken.operation, spoken.protocol, ident, answer)


def _invoked(invocation: Invocation, sending: ask.Forward, body: bytes, waits: bool) -> Answered:
    """Run a handler for another caller: what it comes to carries its label to him (law 11)."""
    subject = None
    headers = [("x-amzn-requestid", sending.record)]
    event = Event(
        json.loads(body or b"{}"),
        "",
        {},
        Holding(sending.carries, True, sending.ways),
        sending.call.resources[0],
        sending.record,
    )
    try:
        value, subject = invocation.run(event, None)
        done, failed = payload(value), False
    except Failed as error:
        subject, failed = error.subject, True
        done = payload({"errorMessage": str(error.error), "errorType": type(error.error).__name__})
    except Refused:
        failed, done = True, runtime.faults.refused("Valve.EventRefused", sending.record)
    if not waits:
        return Answered(202, headers, b"")
    headers += [("content-type", "application/json"), ("x-amz-executed-version", "$LATEST")]
    if failed:
        headers.append(("x-amz-function-error", "Unhandled"))
    if subject is None:
        return Answered(200, headers, done, sending.carries, sending.ways)
    return Answered(200, headers, done, subject.label, tuple(subject.ways.values()))


class Nowhere:
    """A sink for records that stay in memory."""

    def write(self, record: Record) -> None:
        """See `Sink.write`: the list is kept by whoever is told."""


def _pairs(headers: Any) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in headers.items()]


def _fields(content: Any) -> Mapping[str, str]:
    try:
        return application.fields(json.dumps(content).encode())
    except (TypeError, ValueError):
        return {}


def _path(given: str | Path | None) -> Path | None:
    return Path(given) if given is not None else None


def _beside(given: str | Path | None, policy: str | Path | None) -> Path | None:
    """Return the template that is meant: the one named, else the one beside the policy."""
    if given is not None or policy is None:
        return _path(given)
    folder = Path(policy).parent
    return next((folder / name for name in _names() if (folder / name).is_file()), None)


def _names() -> Iterable[str]:
    return ("template.yaml", "template.yml", "template.json")


def _now() -> str:
    seconds, rest = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03d}Z"


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201  # refusals are told where a test run shows them

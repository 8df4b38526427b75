"""One law for both guards: every call that rows are tried with, by the hook and by the course off the wire.

Knows how a proxied call is carried, without sockets. Does not know what the verdict should be.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.models import botocore_stubber

from tests.rows.cases import CASES
from tests.rows.cloud import PLACE
from tests.rows.trial import Case
from tests.rows.worlds import WORLDS, World
from tests.wire.sdk import KEY, Answer, head_of
from valve_aws import application, template
from valve_aws.aws import Aws
from valve_aws.cooperative.inprocess import Nowhere, watch
from valve_aws.course import commands as ask
from valve_aws.course.admit import admit
from valve_aws.course.carry import carry
from valve_aws.course.clerk import Clerk
from valve_aws.course.drive import walk
from valve_aws.course.subject import Subject
from valve_aws.hook import seam
from valve_aws.hook.caller import Caller, calling
from valve_aws.hook.watch import Watch
from valve_aws.labels import SqliteBook, VolatileBook
from valve_aws.labels.tags import dumped
from valve_aws.model.record import Record
from valve_aws.model.verdict import Holding, Mode
from valve_aws.settings import Settings

APP = Path(__file__).parent / "same"
SETTINGS = Settings(template=APP / "template.yaml", region=PLACE.region, account=PLACE.account)
STACK, _ = application.read(SETTINGS, lambda _: None)
POLICY = application.rules(SETTINGS, STACK)


@cache
def hook_of(mode: Mode) -> Watch:
    """What all runs of a mode share."""
    return watch(STACK, POLICY, mode, SqliteBook(":memory:", "", sole=True), Nowhere(), lambda _: None)


@cache
def wire() -> Aws:
    return Aws(STACK.account, STACK.region, template.schema(STACK))


class Run:
    """One call by one guard, with records and a book of its kind; ids are counted, so that two runs agree."""

    def __init__(self, mode: Mode, book: SqliteBook | VolatileBook) -> None:
        self.records: list[Record] = []
        self.book = book
        self.hook = hook_of(mode)
        idents = (f"r-{n}" for n in itertools.count(1))
        self.clerk = self.hook.clerk = Clerk(
            self.book, Nowhere(), self.records.append, lambda: (next(idents), "now")
        )
        self.subject = Subject("env", "Worker")

    def admit(self, trigger: str) -> None:
        self.subject.trigger = trigger
        walk(admit(self.hook.court, self.subject, "operator", Holding()), self.clerk.at_once)

    def by_the_hook(self, call: Callable[[], Any]) -> Any:
        seam.put_in(self.hook)
        try:
            with calling(Caller(self.hook, self.subject)):
                return call()
        finally:
            seam.take_out(self.hook)

    def by_the_wire(self, client: Any, call: Callable[[], Any]) -> Any:
        """As `crossing` does it, on the requests that botocore has written and signed."""
        aws = wire()

        def send(request: Any, **_: Any) -> Any:
            head, body = head_of(request)
            if hasattr(request.body, "seek"):
                request.body.seek(0)
            answer: list[Any] = []

            def act(command: ask.Command) -> Any:
                match command:
                    case ask.Collect():
                        return body
                    case ask.Forward(_, asked):
                        reply = botocore_stubber(event_name="before-send", request=request)
                        answer.append(reply)
                        wanted = reply.content if aws.wants_reply(asked) else None
                        found = aws.reply(asked, reply.status_code, list(reply.headers.items()), wanted)
                        return ask.Reply(
                            reply.status_code, found.outcome, found.versions, found.created, found.removed,
                            found.seen, whole=True,
                        )  # fmt: skip
                    case ask.Refuse(record, asked, _):
                        status, headers, content = aws.refusal(asked or head, record)
                        answer.append(
                            AWSResponse(request.url, status, HeadersDict(dict(headers)), Answer(content))
                        )
                    case ask.Release():
                        pass
                    case _:
                        return self.clerk.at_once(command)
                return None

            walk(carry(self.hook.court, self.subject, aws.peek(head), lambda b: aws.read(head, b, KEY)), act)
            return answer[0]

        client.meta.events.register_first("before-send", send)
        try:
            return call()
        finally:
            client.meta.events.unregister("before-send", send)

    def told(self, world: World) -> dict[str, Any]:
        """Everything that was recorded, and all that the book has, with what is random replaced."""
        records = [
            {k: v for k, v in asdict(r).items() if k not in {"evidence", "invocation"}} for r in self.records
        ]
        rows = rows_of(self.book)
        return {
            "records": [world.named(str(_sorted(r))) for r in records],
            "label": sorted(self.subject.label),
            "book": sorted(world.named(str(row)) for row in rows),
        }


def rows_of(book: SqliteBook | VolatileBook) -> list[tuple[Any, ...]]:
    """Return everything that a book has."""
    if isinstance(book, SqliteBook):
        return list(book._db.execute("SELECT store, part, name, attribute, tags, version, gone FROM cell"))
    return [
        (store, str(part), *at, dumped(dict(row.tags)), row.version, int(row.gone))
        for (store, part), cells in book._cells.items()
        for at, row in cells.items()
    ]


def _sorted(value: Any) -> Any:
    match value:
        case frozenset() | set():
            return sorted(map(str, value))
        case dict():
            return {k: _sorted(v) for k, v in value.items()}
        case list() | tuple():
            return [_sorted(v) for v in value]
    return value


@pytest.fixture(scope="module")
def worlds() -> Iterator[Callable[[Case], World]]:
    made: dict[str, World] = {}
    session = botocore.session.Session()
    with mock_aws():

        def of(case: Case) -> World:
            if case.world not in made:
                client = session.create_client(
                    case.service,
                    region_name=PLACE.region,
                    aws_access_key_id=KEY.access_key,
                    aws_secret_access_key=KEY.secret_key,
                    aws_session_token=KEY.token,
                )
                made[case.world] = WORLDS[case.world](client)
            return made[case.world]

        yield of


def outcome(call: Callable[[], Any]) -> tuple[str, str]:
    """What the caller saw of it, as far as both must show the same."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", ""


def told(case: Case, way: str, trigger: str, mode: Mode, world: World) -> dict[str, Any]:
    """What came of a case by one guard."""
    sqlite = SqliteBook(":memory:", "moto/1", sole=True)
    run = Run(mode, VolatileBook(sole=True) if way == "hook" else sqlite)
    if case.service != "sqs":
        world.look()  # Why: a world believes what it saw last, and a queue is made anew each time
    world.start([])
    run.admit(trigger)
    params = dict(case.params(world))

    def call() -> Any:
        return world.client._make_api_call(case.operation, params)

    if way == "hook":
        came = outcome(lambda: run.by_the_hook(call))
    else:
        came = outcome(lambda: run.by_the_wire(world.client, call))
    return {"came": tuple(map(world.named, came)), **run.told(world)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_guards_say_and_remember_the_same(case: Case, worlds: Callable[[Case], World]) -> None:
    world, told_of = worlds(case), {}
    for trigger, mode in product(("Worker.Clean", "Worker.Labelled"), (Mode.ENFORCE, Mode.AUDIT)):
        hook, wire = (told(case, way, trigger, mode, world) for way in ("hook", "wire"))
        assert hook == wire
        told_of[trigger, mode] = hook
    assert told_of["Worker.Clean", Mode.ENFORCE] != told_of["Worker.Labelled", Mode.ENFORCE]


def test_refusals_and_their_reasons_are_among_what_is_compared(worlds: Callable[[Case], World]) -> None:
    put = next(c for c in CASES if (c.operation, c.title) == ("CopyObject", "from another bucket"))
    both = [told(put, way, "Worker.Labelled", Mode.ENFORCE, worlds(put)) for way in ("hook", "wire")]
    for each in both:
        assert each["came"][0] == ""
        assert "'verdict': 'allow'" in each["records"][1]
        assert "one/event" in str(each["book"])
    send = next(c for c in CASES if (c.operation, c.world) == ("SendMessage", "fifo"))
    both = [told(send, way, "Worker.Labelled", Mode.ENFORCE, worlds(send)) for way in ("hook", "wire")]
    for each in both:
        assert each["came"][0] == "AccessDeniedException"
        assert "accepts" in each["records"][1]

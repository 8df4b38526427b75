"""A guard's beginning and end: what it patches and puts back, guards within guards, and decorators.

Knows what botocore looks like without any guard. Does not know rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

import valve_aws
from tests.hook.conftest import at, queue, waiting
from tests.hook.test_leaks import guard, honest, leaking, seed
from valve_aws.audit.sink import read_records
from valve_aws.cooperative.inprocess import Wire
from valve_aws.hook import seam
from valve_aws.hook.seam import BORN, PARENTS, SEAMS
from valve_aws.labels import VolatileBook
from valve_aws.model.source import Invalid
from valve_aws.model.verdict import Mode

JOBS = "arn:aws:sqs:us-east-1:123456789012:jobs"
PLAIN = [owner.__dict__[name] for owner, name, _ in SEAMS]


def put_back() -> bool:
    born = [parent for parent in PARENTS if BORN in parent.__dict__]
    return [owner.__dict__[name] for owner, name, _ in SEAMS] == PLAIN and not born


def test_nothing_stays_patched_however_it_ends() -> None:
    with guard():
        assert not put_back()
    assert put_back()
    with pytest.raises(ZeroDivisionError), guard():
        raise ZeroDivisionError
    assert put_back()
    with pytest.raises(Invalid):
        guard(template=Path("nowhere/template.yaml"))
    assert put_back()


def test_a_guard_that_does_not_come_on_leaves_nothing(
    cloud: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    valve = guard(labels=tmp_path / "labels.db")
    with monkeypatch.context() as patched:
        patched.setattr(seam, "SEAMS", (*SEAMS, (BaseClient, "_of_another_botocore", seam.make_api_call)))
        with pytest.raises(KeyError, match="_of_another_botocore"), valve:
            pass
    assert put_back()
    assert valve._closers == []
    with valve:
        seed()
    assert [r.operation for r in valve.records] == ["PutItem"]


def test_a_template_is_not_needed_but_a_mistake_in_one_that_is_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert valve_aws.guard().mode is Mode.AUDIT
    (tmp_path / "template.yaml").write_text("Resources: {Broken: {Type: }")
    with pytest.raises(Invalid, match=r"template\.yaml"):
        valve_aws.guard()


def test_a_guard_is_on_once_and_may_be_used_again(cloud: Any) -> None:
    valve = guard()
    with valve:
        seed()
        with pytest.raises(RuntimeError, match="on already"):
            valve.__enter__()
        assert not put_back()
    assert [r.operation for r in valve.records] == ["PutItem"]
    with valve:
        assert valve.records == []


def test_a_function_is_guarded_as_often_as_it_is_called(cloud: Any) -> None:
    valve = guard()

    @valve
    def sends(*, mode: str) -> str:
        """Kept."""
        seed()
        with pytest.raises(ClientError):
            valve.handler("Worker", leaking)({}, None)
        return mode

    assert (sends(mode="a"), sends.__doc__) == ("a", "Kept.")
    assert sends(mode="b") == "b"
    assert put_back()
    assert waiting("jobs") == []


def test_a_coroutine_and_a_handler_that_is_one_are_guarded(cloud: Any) -> None:
    valve = guard()

    async def later(event: Any, context: Any) -> Any:
        await asyncio.sleep(0)
        return (honest if event["honest"] else leaking)(event, context)

    @valve
    async def work() -> list[Any]:
        seed()
        handler = valve.handler("Worker", later)
        return await asyncio.gather(
            handler({"honest": True}, None), handler({"honest": False}, None), return_exceptions=True
        )

    done, refused = asyncio.run(work())
    assert done == {"ok": True}
    assert isinstance(refused, ClientError)
    assert put_back()
    assert waiting("jobs") == ["3"]


def test_two_guards_each_see_every_call_and_know_their_own_handlers(cloud: Any) -> None:
    with guard() as one, guard("audit") as other:
        seed()
        with pytest.raises(ClientError):
            one.handler("Worker", leaking)({}, None)
        other.handler("Worker", leaking)({}, None)
    assert waiting("jobs") == ["a@b.c"]
    for valve, mine in ((one, ["refuse"]), (other, ["refuse"])):
        sent = [r for r in valve.records if r.operation == "SendMessage"]
        assert [r.verdict for r in sent if r.function == "Worker"] == mine
    assert [r.function for r in one.records if r.operation == "SendMessage"] == ["Worker", "operator"]
    assert put_back()


def test_guards_that_end_in_the_order_in_which_they_began_leave_nothing() -> None:
    one, other = guard(), guard()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert not put_back()
    other.__exit__(None, None, None)
    assert put_back()


def test_what_somebody_put_over_ours_stays_and_is_passed_through(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    with guard() as first:
        ours: Callable[..., Any] = BaseClient.__dict__["_make_api_call"]

        def theirs(client: Any, operation: str, params: Any) -> Any:
            seen.append(operation)
            return ours(client, operation, params)

        monkeypatch.setattr(BaseClient, "_make_api_call", theirs)
        seed()
    assert BaseClient.__dict__["_make_api_call"] is theirs
    seed()
    assert [r.operation for r in first.records] == ["PutItem"]
    with guard() as second:
        seed()
        with pytest.raises(ClientError):
            second.handler("Worker", leaking)({}, None)
    assert BaseClient.__dict__["_make_api_call"] is theirs
    assert [r.operation for r in second.records if r.function == "operator"] == ["PutItem"]
    assert seen == ["PutItem"] * 3 + ["GetItem", "GetQueueUrl", "SendMessage"]
    monkeypatch.undo()


def test_what_botocore_itself_does_not_take_is_no_call(cloud: Any) -> None:
    from botocore.exceptions import ParamValidationError

    with guard() as valve, pytest.raises(ParamValidationError):
        at("s3").put_object(Bucket="uploads-bucket")
    assert valve.records == []


def test_threads_that_call_at_once_are_each_their_handlers(cloud: Any) -> None:
    """Two invocations on two threads: what one has learned does not taint the other."""
    together = Barrier(2)

    def mixed(event: Any, context: Any) -> Any:
        together.wait()
        return (honest if event["honest"] else leaking)(event, context)

    with guard() as valve:
        seed()
        handler = valve.handler("Worker", mixed)
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(handler, {"honest": h}, None) for h in (True, False)]
            assert runs[0].result() == {"ok": True}
            assert isinstance(runs[1].exception(), ClientError)
    assert waiting("jobs") == ["3"]


def test_a_thread_that_outlives_its_handler_still_calls_in_its_name(cloud: Any) -> None:
    go = Barrier(2)
    ended: list[str] = []

    def leaves_one_behind(event: Any, context: Any) -> Thread:
        at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})
        url = queue("jobs")

        def later() -> None:
            go.wait()
            try:
                at("sqs").send_message(QueueUrl=url, MessageBody="late")
            except ClientError as error:
                ended.append(str(error.response["Error"]["Code"]))

        thread = Thread(target=later)
        thread.start()
        return thread

    with guard() as valve:
        seed()
        thread = valve.handler("Worker", leaves_one_behind)({}, None)
        go.wait()
        thread.join()
    assert ended == ["AccessDeniedException"]
    assert waiting("jobs") == []


def test_records_and_labels_go_to_files_that_are_named(cloud: Any, tmp_path: Path) -> None:
    with guard(audit=tmp_path / "audit.jsonl", labels=tmp_path / "labels.db") as valve:
        seed()
        valve.handler("Worker", honest)({}, None)
    written = [r.operation for r in read_records(tmp_path / "audit.jsonl") if r.verdict != "settled"]
    assert written == [r.operation for r in valve.records]
    assert (tmp_path / "labels.db").exists()


def test_a_call_that_is_being_sent_when_the_label_rises_is_refused_to_its_caller(cloud: Any) -> None:
    sending, risen = Event(), Event()
    client = boto3.client("sqs")
    url = queue("jobs")

    def held_up(**_: Any) -> None:
        sending.set()
        risen.wait()

    def both(event: Any, context: Any) -> BaseException | None:
        client.meta.events.register_first("before-send.sqs.SendMessage", held_up)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(client.send_message, QueueUrl=url, MessageBody="clean so far")
            sending.wait()
            at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})
            risen.set()
            return sent.exception()

    with guard() as valve:
        seed()
        error = valve.handler("Worker", both)({}, None)
    assert isinstance(error, ClientError)
    assert error.response["Error"]["Code"] == "AccessDeniedException"
    assert waiting("jobs") == ["clean so far"]


def test_an_error_that_a_hook_raises_is_no_reply_so_the_cell_keeps_its_label(cloud: Any) -> None:
    client = boto3.client("s3")

    def broken(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")

    def writes(event: Any, context: Any) -> None:
        if event["reads"]:
            at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})
        client.put_object(Bucket="uploads-bucket", Key="k", Body=b"x")

    with guard() as valve:
        seed()
        handler = valve.handler("Worker", writes)
        handler({"reads": True}, None)
        client.meta.events.register_first("before-send.s3.PutObject", broken)
        with pytest.raises(ClientError, match="SlowDown"):
            handler({"reads": False}, None)
        assert valve.label_of("Uploads", "k") == {"pii/email"}


def test_an_error_that_a_hook_raises_where_it_is_sent_takes_nothing_back(cloud: Any) -> None:
    """It may be another client's, asked for a credential when this call had been sent once already."""
    client = boto3.client("s3")

    def denied(**_: Any) -> None:
        told = {"Error": {"Code": "No"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        raise ClientError(told, "AssumeRole")

    def writes(event: Any, context: Any) -> None:
        at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})
        client.put_object(Bucket="uploads-bucket", Key="k", Body=b"x")

    client.meta.events.register_first("before-send.s3.PutObject", denied)
    with guard() as valve:
        seed()
        with pytest.raises(ClientError, match="AssumeRole"):
            valve.handler("Worker", writes)({}, None)
        assert valve.label_of("Uploads", "k") == {"pii/email"}


def test_whatever_looks_into_the_book_or_at_links_waits_for_its_turn(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Book and links are dictionaries, and threads may be at them at once."""
    turns: dict[str, list[bool]] = {}

    def watched(owner: Any, name: str) -> None:
        was = getattr(owner, name)

        def does(self: Any, *given: Any, **named: Any) -> Any:
            turns.setdefault(name, []).append(valve._on().lock._is_owned())
            return was(self, *given, **named)

        monkeypatch.setattr(owner, name, does)

    for name in ("held", "raise_", "settle", "stamp"):
        watched(VolatileBook, name)
    for name in ("presigned", "links", "given"):
        watched(Wire, name)

    def links(event: Any, context: Any) -> str:
        url: str = at("s3").generate_presigned_url("get_object", {"Bucket": "public-bucket", "Key": "out/k"})
        at("s3").put_object(Bucket="uploads-bucket", Key="k", Body=b"x")
        at("s3").list_objects_v2(Bucket="uploads-bucket")
        return url

    record = {"eventSource": "aws:sqs", "messageId": "m", "eventSourceARN": JOBS}
    with guard() as valve:
        valve.handler("Helper", links)({"Records": [record]}, None)
        valve.label_of("Jobs", "m")
    assert turns.keys() == {"held", "raise_", "settle", "stamp", "presigned", "links", "given"}
    assert all(all(each) for each in turns.values()), turns


class Tracer:
    """As tracers wrap a method: it must be bound to tell whose it is."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped
        self.seen: list[str] = []

    def __get__(self, client: Any, owner: type) -> Callable[..., Any]:
        def bound(operation: str, params: Any) -> Any:
            self.seen.append(f"{client.meta.service_model.service_name}:{operation}")
            return self.wrapped(client, operation, params)

        return bound


def test_a_tracer_that_was_there_before_sees_whose_method_it_is(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracer = Tracer(BaseClient.__dict__["_make_api_call"])
    monkeypatch.setattr(BaseClient, "_make_api_call", tracer)
    with guard() as valve:
        seed()
    assert tracer.seen == ["dynamodb:PutItem"]
    assert [r.operation for r in valve.records] == ["PutItem"]
    assert BaseClient.__dict__["_make_api_call"] is tracer

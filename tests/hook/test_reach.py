"""What the hook reaches: whatever of boto3 a handler uses, on whichever thread, with clients of any age.

Knows boto3's ways of calling. Does not know rules; one leak and one honest twin stand for them all.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.client import BaseClient
from botocore.exceptions import ClientError, WaiterError
from botocore.stub import Stubber

from tests.hook.conftest import at, queue, waiting
from tests.hook.test_leaks import guard, seed
from valve_aws.model.source import Invalid

Leak = Callable[[Any, Any], Any]
PARTS = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=4)
LARGE = b"x" * (11 << 20)


def secret() -> bytes:
    """Learn what may not get out."""
    found = at("s3").get_object(Bucket="uploads-bucket", Key="scan.txt")
    content: bytes = found["Body"].read()
    return content


def by_a_client_made_before(client: Any) -> Leak:
    def leak(event: Any, context: Any) -> None:
        secret()
        client.put_object(Bucket="public-bucket", Key="out", Body=b"x")

    return leak


def by_a_client_made_within(event: Any, context: Any) -> None:
    secret()
    boto3.session.Session().client("s3").put_object(Bucket="public-bucket", Key="out", Body=b"x")


def by_a_resource(event: Any, context: Any) -> None:
    secret()
    boto3.resource("s3").Object("public-bucket", "out").put(Body=b"x")


def by_a_transfer(event: Any, context: Any) -> None:
    secret()
    at("s3").upload_fileobj(io.BytesIO(b"x"), "public-bucket", "out")


def by_a_transfer_in_parts(event: Any, context: Any) -> None:
    secret()
    at("s3").upload_fileobj(io.BytesIO(LARGE), "public-bucket", "out", Config=PARTS)


def by_a_download_in_parts(event: Any, context: Any) -> None:
    at("s3").download_fileobj("uploads-bucket", "large", io.BytesIO(), Config=PARTS)
    at("s3").put_object(Bucket="public-bucket", Key="out", Body=b"x")


def by_a_managed_copy(event: Any, context: Any) -> None:
    at("s3").copy({"Bucket": "uploads-bucket", "Key": "scan.txt"}, "public-bucket", "out")


def by_a_paginator(event: Any, context: Any) -> None:
    pages = at("s3").get_paginator("list_objects_v2").paginate(Bucket="uploads-bucket")
    names = [entry["Key"] for page in pages for entry in page["Contents"]]
    at("s3").put_object(Bucket="public-bucket", Key=names[0], Body=b"x")


def by_a_waiter(event: Any, context: Any) -> None:
    at("s3").get_waiter("object_exists").wait(Bucket="uploads-bucket", Key="scan.txt")
    at("s3").put_object(Bucket="public-bucket", Key="out", Body=b"x")


def by_a_thread(event: Any, context: Any) -> None:
    """One thread reads, another writes."""
    told: list[Exception] = []

    def write() -> None:
        try:
            at("s3").put_object(Bucket="public-bucket", Key="out", Body=b"x")
        except ClientError as error:
            told.append(error)

    for work in (secret, write):
        thread = Thread(target=work)
        thread.start()
        thread.join()
    if told:
        raise told[0]


POOL = ThreadPoolExecutor(1)
"""Older than any handler, as those of a module are."""


def by_a_pool(event: Any, context: Any) -> None:
    POOL.submit(secret).result()
    POOL.submit(at("s3").put_object, Bucket="public-bucket", Key="out", Body=b"x").result()


def by_what_is_called_back(event: Any, context: Any) -> None:
    """On a thread that was there before, which calls back on its own account."""
    told: list[Exception] = []
    go = Barrier(2)

    def write(_: Any) -> None:
        try:
            at("s3").put_object(Bucket="public-bucket", Key="out", Body=b"x")
        except ClientError as error:
            told.append(error)
        go.wait()

    read = POOL.submit(lambda: (go.wait(), secret()))
    read.add_done_callback(write)
    go.wait()
    go.wait()
    if told:
        raise told[0]


def by_tasks(event: Any, context: Any) -> None:
    async def work() -> None:
        await asyncio.to_thread(secret)
        await asyncio.get_running_loop().run_in_executor(
            None, lambda: at("s3").put_object(Bucket="public-bucket", Key="out", Body=b"x")
        )

    asyncio.run(work())


LEAKS = (
    by_a_client_made_within, by_a_resource, by_a_transfer, by_a_transfer_in_parts, by_a_download_in_parts,
    by_a_managed_copy, by_a_paginator, by_a_waiter, by_a_thread, by_a_pool, by_what_is_called_back, by_tasks,
)  # fmt: skip


POOL.submit(bool).result()
"""Its one thread is nobody's: it was started before any handler."""


def fill() -> None:
    s3 = at("s3")
    s3.put_object(Bucket="uploads-bucket", Key="scan.txt", Body=b"x")
    s3.put_object(Bucket="uploads-bucket", Key="large", Body=LARGE)


def outside() -> list[str]:
    """The keys of the public bucket, as its backend has them."""
    from moto.s3.models import s3_backends

    return list(s3_backends["123456789012"]["aws"].buckets["public-bucket"].keys)


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_by_any_of_boto3_s_ways_gets_out_unguarded_and_is_refused(cloud: Any, leak: Leak) -> None:
    fill()
    leak({}, None)
    assert outside() != []
    at("s3").delete_object(Bucket="public-bucket", Key=outside()[0])
    with guard() as valve:
        with pytest.raises((ClientError, boto3.exceptions.S3UploadFailedError)):
            valve.handler("Worker", leak)({}, None)
        POOL.submit(at("s3").put_object, Bucket="public-bucket", Key="mine", Body=b"x").result()
    assert outside() == ["mine"]
    assert any(r.function == "Worker" and r.service == "s3" for r in valve.refusals)
    assert valve.records[-1].function == "operator"


def test_a_client_made_before_is_reached(cloud: Any) -> None:
    before = boto3.client("s3")
    with guard() as valve:
        fill()
        with pytest.raises(ClientError):
            valve.handler("Worker", by_a_client_made_before(before))({}, None)
    before.put_object(Bucket="public-bucket", Key="after", Body=b"x")
    assert outside() == ["after"]
    assert "after" not in str(valve.records)


def test_what_a_transfer_may_do_passes_whole(cloud: Any) -> None:
    def moves(event: Any, context: Any) -> int:
        content = io.BytesIO()
        at("s3").download_fileobj("uploads-bucket", "large", content, Config=PARTS)
        content.seek(0)
        at("s3").upload_fileobj(content, "uploads-bucket", "again", Config=PARTS)
        return int(at("s3").head_object(Bucket="uploads-bucket", Key="again")["ContentLength"])

    with guard() as valve:
        fill()
        assert valve.handler("Worker", moves)({}, None) == len(LARGE)
    assert valve.refusals == []
    assert {r.function for r in valve.records if r.operation == "UploadPart"} == {"Worker"}


def test_a_refused_call_is_not_tried_again(cloud: Any) -> None:
    with guard() as valve:
        fill()
        with pytest.raises(ClientError):
            valve.handler("Worker", by_a_client_made_within)({}, None)
    assert [r.operation for r in valve.records if r.function == "Worker" and r.service == "s3"] == [
        "GetObject", "PutObject"
    ]  # fmt: skip


def test_a_waiter_that_is_refused_ends_at_once(cloud: Any) -> None:
    def waits(event: Any, context: Any) -> None:
        at("s3").get_waiter("object_exists").wait(Bucket="nobodys", Key="k")

    with guard() as valve:
        with pytest.raises(WaiterError):
            valve.handler("Worker", waits)({}, None)
    assert [r.reasons[0].rule for r in valve.refusals if r.operation == "HeadObject"] == ["perimeter"]


def test_a_stub_is_judged_and_its_reply_followed() -> None:
    s3, sqs = at("s3"), at("sqs")

    def leak(event: Any, context: Any) -> None:
        s3.get_object(Bucket="uploads-bucket", Key="scan.txt")
        sqs.send_message(QueueUrl="https://sqs.us-east-1.amazonaws.com/123456789012/vault", MessageBody="x")
        sqs.send_message(QueueUrl="https://sqs.us-east-1.amazonaws.com/123456789012/jobs", MessageBody="x")

    with Stubber(s3) as s3_stub, Stubber(sqs) as sqs_stub, guard() as valve:
        s3_stub.add_response("get_object", {"ETag": '"e"'})
        for _ in range(2):
            sqs_stub.add_response("send_message", {"MessageId": "m-1"})
        with pytest.raises(ClientError):
            valve.handler("Worker", leak)({}, None)
        got = valve.label_of("Vault", "m-1")
    assert got == {"pii/scan"}
    assert [(r.operation, r.verdict) for r in valve.records if r.service in {"s3", "sqs"}] == [
        ("GetObject", "allow"), ("SendMessage", "allow"), ("SendMessage", "refuse")
    ]  # fmt: skip


KEPT = BaseClient._make_api_call


def handing_on(client: Any, operation: str, params: Any) -> Any:
    """As a test answers for a service that its mock does not have: the rest goes by the method it kept."""
    return {"Buckets": []} if operation == "ListBuckets" else KEPT(client, operation, params)


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_by_a_method_kept_from_before_the_guard_is_refused(
    cloud: Any, leak: Leak, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill()
    monkeypatch.setattr(BaseClient, "_make_api_call", handing_on)
    leak({}, None)
    assert outside() != []
    at("s3").delete_object(Bucket="public-bucket", Key=outside()[0])
    monkeypatch.undo()
    with guard() as valve:
        monkeypatch.setattr(BaseClient, "_make_api_call", handing_on)
        with pytest.raises((ClientError, boto3.exceptions.S3UploadFailedError)):
            valve.handler("Worker", leak)({}, None)
        at("s3").put_object(Bucket="public-bucket", Key="mine", Body=b"x")
    assert outside() == ["mine"]
    assert any(r.function == "Worker" and r.service == "s3" for r in valve.refusals)
    assert valve.records[-1].function == "operator"


def test_what_goes_by_a_method_kept_from_before_settles_and_a_stub_of_it_is_judged(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sends(event: Any, context: Any) -> str:
        at("s3").list_buckets()
        with pytest.raises(ClientError, match="NoSuchKey"):
            at("s3").get_object(Bucket="uploads-bucket", Key="absent")
        ident: str = at("sqs").send_message(QueueUrl=queue("vault"), MessageBody="x")["MessageId"]
        return ident

    def leak(event: Any, context: Any) -> None:
        at("s3").get_object(Bucket="uploads-bucket", Key="scan.txt")
        at("s3").put_object(Bucket="public-bucket", Key="out", Body=b"x")

    with guard() as valve:
        monkeypatch.setattr(BaseClient, "_make_api_call", handing_on)
        assert valve.label_of("Vault", valve.handler("Worker", sends)({}, None)) == {"pii/scan"}
        with Stubber(at("s3")) as stub:
            for name in ("get_object", "put_object"):
                stub.add_response(name, {"ETag": '"e"'})
            with pytest.raises(ClientError):
                valve.handler("Worker", leak)({}, None)
    assert [r.operation for r in valve.refusals] == ["PutObject"]
    assert outside() == []


def test_a_handler_that_is_invoked_and_calls_by_a_method_kept_from_before_is_judged(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks(event: Any, context: Any) -> Any:
        name = valve.stack.functions["Helper"].name
        return at("lambda").invoke(FunctionName=name).get("FunctionError")

    fill()
    with guard() as valve:
        monkeypatch.setattr(BaseClient, "_make_api_call", handing_on)
        valve.handler("Helper", by_a_managed_copy)
        assert valve.handler("Worker", asks)({}, None) == "Unhandled"
    assert outside() == []
    assert {(r.function, r.service) for r in valve.refusals} == {("Helper", "s3")}


def test_a_reply_that_is_an_error_is_a_reply(cloud: Any) -> None:
    def asks(event: Any, context: Any) -> str:
        try:
            at("s3").get_object(Bucket="uploads-bucket", Key="absent")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    with guard() as valve:
        assert valve.handler("Worker", asks)({}, None) == "NoSuchKey"
    assert valve.records[1].joined == {"pii/scan"}


def test_who_calls_ends_with_his_handler(cloud: Any) -> None:
    with guard() as valve:
        seed()
        valve.handler("Worker", lambda event, context: secret_of_nobody())({}, None)
        at("sqs").send_message(QueueUrl=queue("jobs"), MessageBody="mine")
    assert waiting("jobs") == ["mine"]
    assert valve.refusals == []


def secret_of_nobody() -> None:
    at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})


def test_a_handler_outside_its_guard_is_a_mistake_that_is_told() -> None:
    handler = guard().handler("Worker", lambda event, context: None)
    with pytest.raises(RuntimeError, match="with guard"):
        handler({}, None)


def test_a_name_that_the_template_does_not_have_is_told() -> None:
    with pytest.raises(Invalid, match="did you mean `Worker`"):
        guard().handler("Workr", lambda event, context: None)

"""aiobotocore under the guard: its clients' methods are coroutines, and reached all the same.

Knows a moto server of this process, as moto's in-process mock does not reach aiobotocore. Does not know
rules; one leak and one honest twin stand for them all.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from tests.hook.conftest import APP, REGION, waiting
from tests.hook.test_invocations import LAMBDA
from tests.hook.test_leaks import guard
from valve_aws.audit.sink import read_records
from valve_aws.hook.invocation import ResultRefused
from valve_aws.hook.seam import BORN, PARENTS, SEAMS

pytest.importorskip("aiobotocore", reason="aiobotocore is not installed")
from aiobotocore.client import AioBaseClient
from aiobotocore.session import get_session
from aiobotocore.signers import AioRequestSigner, AioS3PostPresigner
from aiobotocore.stub import AioStubber

Clients = Callable[[str], Any]
Leak = Callable[[Clients], Awaitable[Any]]

THEIRS = [
    (AioBaseClient, "_make_api_call"),
    (AioBaseClient, "_convert_to_request_dict"),
    (AioBaseClient, "_make_request"),
    (AioRequestSigner, "generate_presigned_url"),
    (AioS3PostPresigner, "generate_presigned_post"),
]
PLAIN = [owner.__dict__[name] for owner, name in THEIRS]
OURS = [owner.__dict__[name] for owner, name, _ in SEAMS]


def put_back() -> bool:
    return (
        [owner.__dict__[name] for owner, name in THEIRS] == PLAIN
        and [owner.__dict__[name] for owner, name, _ in SEAMS] == OURS
        and not any(BORN in parent.__dict__ for parent in PARENTS)
    )


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture(scope="module")
def seeding(server: str) -> Clients:
    """The operator's own clients, older than any guard."""
    key = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    made = {
        name: boto3.client(name, region_name=REGION, endpoint_url=server, **key) for name in ("s3", "sqs")
    }
    return made.__getitem__


@pytest.fixture
def endpoint(server: str, seeding: Clients, monkeypatch: pytest.MonkeyPatch) -> str:
    """A server with the template's resources and one labelled object."""
    from moto.moto_api._internal.models import moto_api_backend

    moto_api_backend.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    for bucket in ("uploads-bucket", "public-bucket"):
        seeding("s3").create_bucket(Bucket=bucket)
    seeding("s3").put_object(Bucket="uploads-bucket", Key="scan.txt", Body=b"secret")
    for queue in ("jobs", "vault"):
        seeding("sqs").create_queue(QueueName=queue)
    return server


SESSION = get_session()
"""One, as a loader reads a service's model once."""


@asynccontextmanager
async def clients(*names: str) -> AsyncIterator[Clients]:
    async with AsyncExitStack() as stack:
        made = {
            name: await stack.enter_async_context(SESSION.create_client(name, region_name=REGION))
            for name in ("s3", *names)
        }
        yield made.__getitem__


def clear() -> None:
    """Take out what got outside, past every guard."""
    from moto.s3.models import s3_backends

    s3_backends["123456789012"]["aws"].buckets["public-bucket"].keys.clear()


def outside() -> list[str]:
    """The keys of the public bucket, as its backend has them."""
    from moto.s3.models import s3_backends

    return list(s3_backends["123456789012"]["aws"].buckets["public-bucket"].keys)


async def secret(at: Clients) -> bytes:
    found = await at("s3").get_object(Bucket="uploads-bucket", Key="scan.txt")
    async with found["Body"] as stream:
        content: bytes = await stream.read()
    return content


async def out(at: Clients, content: bytes = b"x") -> None:
    await at("s3").put_object(Bucket="public-bucket", Key="out", Body=content)


async def by_awaiting(at: Clients) -> None:
    await out(at, await secret(at))


async def by_tasks(at: Clients) -> None:
    content = await asyncio.create_task(secret(at))
    await asyncio.create_task(out(at, content))


async def by_gathering_the_calls_themselves(at: Clients) -> None:
    await asyncio.gather(at("s3").get_object(Bucket="uploads-bucket", Key="scan.txt"))
    await asyncio.gather(at("s3").put_object(Bucket="public-bucket", Key="out", Body=b"x"))


async def by_a_client_of_its_own(at: Clients) -> None:
    async with clients() as mine:
        await by_awaiting(mine)


async def by_a_paginator(at: Clients) -> None:
    pages = at("s3").get_paginator("list_objects_v2").paginate(Bucket="uploads-bucket")
    names = [entry["Key"] async for page in pages for entry in page["Contents"]]
    await at("s3").put_object(Bucket="public-bucket", Key=names[0], Body=b"x")


async def by_a_waiter(at: Clients) -> None:
    await at("s3").get_waiter("object_exists").wait(Bucket="uploads-bucket", Key="scan.txt")
    await out(at)


async def by_boto3_and_then_a_coroutine(at: Clients) -> None:
    s3 = boto3.client("s3")
    await asyncio.to_thread(s3.get_object, Bucket="uploads-bucket", Key="scan.txt")
    await out(at)


async def by_a_coroutine_and_then_boto3(at: Clients) -> None:
    await secret(at)
    s3 = boto3.client("s3")
    await asyncio.to_thread(s3.put_object, Bucket="public-bucket", Key="out", Body=b"x")


LEAKS = (
    by_awaiting, by_tasks, by_gathering_the_calls_themselves, by_a_client_of_its_own, by_a_paginator,
    by_a_waiter, by_boto3_and_then_a_coroutine, by_a_coroutine_and_then_boto3,
)  # fmt: skip


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_by_coroutines_gets_out_unguarded_is_refused_and_is_seen_in_audit(
    endpoint: str, leak: Leak
) -> None:
    async def work() -> None:
        # Why here: these clients are older than the guards.
        async with clients() as at:

            async def handler(event: Any, context: Any) -> None:
                await leak(at)

            await handler({}, None)
            assert outside() != []
            clear()
            with guard() as valve:
                with pytest.raises(ClientError) as raised:
                    await valve.handler("Worker", handler)({}, None)
                assert outside() == []
                await at("s3").put_object(Bucket="public-bucket", Key="mine", Body=b"x")
            refused = [r for r in valve.refusals if r.operation == "PutObject"]
            assert [r.ident in str(raised.value) for r in refused] == [True]
            assert raised.value.response["Error"]["Code"] == "AccessDenied"
            if leak is not by_a_coroutine_and_then_boto3:
                assert Path(refused[0].evidence.file).name == "test_aio.py"
                assert "put_object" in refused[0].evidence.text
            assert (valve.records[-1].function, outside()) == ("operator", ["mine"])
            with guard("audit") as seeing:
                await seeing.handler("Worker", handler)({}, None)
            assert [r.verdict for r in seeing.records if r.operation == "PutObject"] == ["refuse"]
            assert len(outside()) == 2

    asyncio.run(work())
    assert put_back()


def test_an_honest_coroutine_passes_and_its_replies_settle(endpoint: str) -> None:
    async def honest(event: Any, context: Any) -> str:
        async with clients("sqs") as at:
            url = (await at("sqs").get_queue_url(QueueName="vault"))["QueueUrl"]
            await out(at, b"clean")
            content = (await secret(at)).decode()
            sent = await at("sqs").send_message(QueueUrl=url, MessageBody=content)
            ident: str = sent["MessageId"]
            return ident

    with guard() as valve:
        ident = asyncio.run(valve.handler("Worker", honest)({}, None))
        assert valve.label_of("Vault", ident) == {"pii/scan"}
    assert (waiting("vault"), outside(), valve.refusals) == (["secret"], ["out"], [])
    assert put_back()


def test_handlers_in_one_loop_are_each_themselves_and_the_operator_nobody(endpoint: str) -> None:
    """What one has learned does not taint the other, whatever is between their calls."""

    async def work() -> list[Any]:
        async with clients() as at:
            read, written = asyncio.Event(), asyncio.Event()

            async def reads(event: Any, context: Any) -> None:
                await secret(at)
                read.set()
                await written.wait()
                await out(at)

            async def writes(event: Any, context: Any) -> None:
                await read.wait()
                await at("s3").put_object(Bucket="public-bucket", Key="clean", Body=b"x")
                written.set()

            async def operator() -> None:
                await read.wait()
                await at("s3").put_object(Bucket="public-bucket", Key="mine", Body=b"x")

            return await asyncio.gather(
                valve.handler("Worker", reads)({}, None),
                valve.handler("Helper", writes)({}, None),
                operator(),
                return_exceptions=True,
            )

    with guard() as valve:
        refused, *rest = asyncio.run(work())
    assert isinstance(refused, ClientError)
    assert rest == [None, None]
    assert sorted(outside()) == ["clean", "mine"]
    assert {r.function for r in valve.records if r.operation == "PutObject"} == {
        "Worker", "Helper", "operator"
    }  # fmt: skip


def test_a_call_that_a_handler_asked_for_is_his_whoever_awaits_it(endpoint: str) -> None:
    async def work() -> None:
        async with clients() as at:

            async def leaves(event: Any, context: Any) -> None:
                await secret(at)
                left.append(at("s3").put_object(Bucket="public-bucket", Key="out", Body=b"x"))

            left: list[Any] = []
            await valve.handler("Worker", leaves)({}, None)
            with pytest.raises(ClientError):
                await left[0]

    with guard() as valve:
        asyncio.run(work())
    assert outside() == []


def test_a_loop_on_another_thread_calls_for_whoever_gives_it_work(endpoint: str) -> None:
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()

    async def work() -> None:
        async with clients() as at:
            await by_awaiting(at)

    def handler(event: Any, context: Any) -> None:
        asyncio.run_coroutine_threadsafe(work(), loop).result()

    try:
        handler({}, None)
        assert outside() == ["out"]
        clear()
        with guard() as valve:
            with pytest.raises(ClientError):
                valve.handler("Worker", handler)({}, None)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert outside() == []


def test_an_error_of_the_service_is_a_reply_and_a_cancelled_call_is_lost(
    endpoint: str, tmp_path: Path
) -> None:
    async def asks(event: Any, context: Any) -> str:
        async with clients() as at:
            with pytest.raises(ClientError) as raised:
                await at("s3").get_object(Bucket="uploads-bucket", Key="absent")
            at("s3").meta.events.register_first("before-send.s3.PutObject", never)
            task = asyncio.ensure_future(at("s3").put_object(Bucket="uploads-bucket", Key="k", Body=b"x"))
            await sending.wait()
            task.cancel()
            await asyncio.wait([task])
            return str(raised.value.response["Error"]["Code"])

    async def never(**_: Any) -> None:
        sending.set()
        await asyncio.Event().wait()

    sending = asyncio.Event()
    with guard(audit=tmp_path / "audit.jsonl") as valve:
        assert asyncio.run(valve.handler("Worker", asks)({}, None)) == "NoSuchKey"
    assert [r.operation for r in valve.records if r.service == "s3"] == ["GetObject", "PutObject"]
    settled = [r for r in read_records(tmp_path / "audit.jsonl") if r.verdict == "settled"]
    assert [(r.operation, r.outcome) for r in settled] == [("PutObject", "unknown")]


def test_a_stub_is_judged_and_its_reply_followed() -> None:
    async def work() -> None:
        async with SESSION.create_client("s3", region_name=REGION) as s3:

            async def leak(event: Any, context: Any) -> None:
                await s3.get_object(Bucket="uploads-bucket", Key="scan.txt")
                await s3.put_object(Bucket="public-bucket", Key="out", Body=b"x")

            with AioStubber(s3) as stub:
                for name in ("get_object", "put_object"):
                    stub.add_response(name, {"ETag": '"e"'})
                with guard() as valve, pytest.raises(ClientError):
                    await valve.handler("Worker", leak)({}, None)
            assert [r.verdict for r in valve.records if r.service == "s3"] == ["allow", "refuse"]

    asyncio.run(work())


def test_a_handler_invoked_by_a_coroutine_gives_its_label_back(endpoint: str) -> None:
    """The one invoked runs a loop of its own, as synchronous handlers of Lambda do."""

    async def reads() -> str:
        async with clients() as at:
            return (await secret(at)).decode()

    async def invokes(event: Any, context: Any) -> Any:
        async with clients("lambda") as at:
            answer = await at("lambda").invoke(FunctionName=LAMBDA + event["which"], Payload=b"{}")
            content = json.loads(await answer["Payload"].read())
            await out(at)
            return content

    with guard() as valve:
        helper = valve.stack.functions["Helper"].arn.rpartition(":")[2]
        cleared = valve.stack.functions["Cleared"].arn.rpartition(":")[2]
        valve.handler("Helper", lambda event, context: asyncio.run(reads()))
        valve.handler("Cleared", lambda event, context: "nothing")
        handler = valve.handler("Worker", invokes)
        assert asyncio.run(handler({"which": cleared}, None)) == "nothing"
        assert outside() == ["out"]
        clear()
        with pytest.raises(ClientError):
            asyncio.run(handler({"which": helper}, None))
    assert outside() == []


@pytest.mark.parametrize("form", [False, True])
def test_a_link_that_a_coroutine_makes_leaves_only_by_a_line(endpoint: str, form: bool) -> None:
    async def makes(event: Any, context: Any) -> Any:
        async with clients() as at:
            if form:
                return await at("s3").generate_presigned_post("uploads-bucket", "k")
            params = {"Bucket": "uploads-bucket", "Key": "scan.txt"}
            return await at("s3").generate_presigned_url("get_object", Params=params)

    assert asyncio.run(makes({}, None))
    with guard() as valve, pytest.raises(ResultRefused):
        asyncio.run(valve.handler("Helper", makes)({}, None))
    assert [r.reasons[0].rule for r in valve.refusals] == ["presigned"]


def test_a_class_made_while_a_guard_is_on_is_reached_and_put_back(endpoint: str) -> None:
    told: list[str] = []
    with guard():

        class Own(AioBaseClient):  # type: ignore[misc]  # it has no types
            def __init_subclass__(cls, **named: Any) -> None:
                told.append(named.pop("name"))
                super().__init_subclass__(**named)

            async def _make_api_call(self, operation_name: str, api_params: Any) -> Any:
                return {"own": operation_name}

        class Heir(Own, name="heir"):
            pass

        assert hasattr(Own.__dict__["_make_api_call"], "__wrapped__")
    assert not hasattr(Own.__dict__["_make_api_call"], "__wrapped__")
    assert told == ["heir"]
    assert put_back()


@pytest.mark.parametrize(("mode", "refused", "keys"), [("off", "", ["late"]), ("enforce", "PutObject", [])])
def test_one_imported_after_the_guard_began_is_reached(
    endpoint: str, mode: str, refused: str, keys: list[str]
) -> None:
    root = APP.parents[2]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.hook.late", endpoint, mode], capture_output=True, cwd=root, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    assert json.loads(ran.stdout) == {
        "loaded by a guard": False,
        "refused": refused,
        "calls": ["GetObject", "PutObject"],
        "of the first": 0,
        "patched": False,
    }
    assert outside() == keys

"""Law 16: who is calling comes from the socket that was opened for that environment, never from its bytes.

Knows two environments' servers on loopback, as `serving` makes them. Does not know sandboxes.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.playbook.exchanges import Heard, request_of, sdk
from tests.playbook.play import PII, Stage
from valve_aws.aws import issue
from valve_aws.course.subject import Subject
from valve_aws.model.plan import Listeners
from valve_aws.proxy import Authority
from valve_aws.running.serving import Serving

KEYS = {"one": issue(os.urandom), "two": issue(os.urandom)}

Served = Callable[[Stage, dict[str, Subject], bytes, str], dict[str, bytes]]


async def _both(
    stage: Stage, subjects: dict[str, Subject], request: bytes, host: str, authority: Authority
) -> dict[str, bytes]:
    serving = Serving(stage.passage, authority, unsafe=False)
    serving._keys.update(KEYS)
    stops, answers = [], {}
    for name, subject in subjects.items():
        listening = socket.create_server(("127.0.0.1", 0))
        where = listening.getsockname()
        jail: Any = SimpleNamespace(listeners=Listeners((listening,), (), False))
        environment: Any = SimpleNamespace(subject=subject, ident=name, crosses=lambda: True)
        stops.append(serving.serve(environment, jail))
        reader, writer = await asyncio.open_connection(*where)
        # Why a tunnel: on loopback a connection's own port is none that the policy names.
        writer.write(f"CONNECT {host}:80 HTTP/1.1\r\nHost: {host}:80\r\n\r\n".encode())
        assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        writer.write(request)
        answers[name] = await asyncio.wait_for(reader.read(65536), 20)
        writer.close()
    for stop in stops:
        stop()
    await serving.close()
    return answers


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create(0.0)


@pytest.fixture(scope="module")
def served(authority: Authority) -> Served:
    return lambda *given: asyncio.run(_both(*given, authority))


def two(stage: Stage) -> dict[str, Subject]:
    return {"one": stage.subject(PII, name="one"), "two": stage.subject(function="Helper", name="two")}


def status(answer: bytes) -> int:
    return int(answer.split()[1])


def test_the_same_bytes_are_two_principals(served: Served) -> None:
    """Both say that they are `two`, in every header that somebody might believe."""
    stage = Heard().stage()
    stage.passage.resolve = {("clean.test", 80): ("192.0.2.1", 80)}
    request = (
        b"GET /x HTTP/1.1\r\nHost: clean.test\r\nUser-Agent: Helper/two\r\nX-Valve-Environment: two\r\n"
        b"Lambda-Runtime-Aws-Request-Id: i-2\r\nVia: 1.1 two\r\nX-Amzn-Trace-Id: Root=two\r\n\r\n"
    )
    answers = served(stage, two(stage), request, "clean.test")
    assert {name: status(answer) for name, answer in answers.items()} == {"one": 403, "two": 503}
    told = [(r.environment, r.function, r.verdict) for r in stage.sink.records if r.verdict != "settled"]
    assert told == [("one", "Worker", "refuse"), ("two", "Helper", "allow")]


def test_the_key_that_bytes_are_signed_with_does_not_say_who_sends_them(served: Served) -> None:
    heard = Heard()
    stage = heard.stage()
    head, body = request_of(sdk("sqs", KEYS["two"]), "ReceiveMessage", QueueUrl=QUEUE)
    lines = [f"{head.method} {head.target} HTTP/1.1", *(f"{n}: {v}" for n, v in head.headers)]
    if not head.header("content-length"):
        lines.append(f"content-length: {len(body)}")
    subjects = {name: stage.subject(name=name) for name in ("one", "two")}
    served(stage, subjects, "\r\n".join([*lines, "", ""]).encode() + body, head.host)
    rules = {
        r.environment: [str(x.rule) for x in r.reasons] for r in stage.sink.records if r.verdict == "refuse"
    }
    assert rules == {"one": ["foreign-credential"]}
    assert [r.environment for r in stage.sink.records if r.verdict == "allow"] == ["two"]


@pytest.mark.parametrize("crosses", [True, False])
@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: clean.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
    ],
    ids=["a request", "what cannot be read"],
)
def test_what_belongs_to_no_event_yet_crosses_nowhere_and_leaves_no_record(
    request_: bytes, crosses: bool, authority: Authority
) -> None:
    """An environment that is made ahead says so when it is asked, whatever comes out of it."""
    stage = Heard().stage()
    stage.passage.resolve = {("clean.test", 80): ("192.0.2.1", 80)}

    async def run() -> None:
        serving = Serving(stage.passage, authority, unsafe=False)
        serving._keys["one"] = KEYS["one"]
        listening = socket.create_server(("127.0.0.1", 0))
        where = listening.getsockname()
        jail: Any = SimpleNamespace(listeners=Listeners((listening,), (), False))
        subject = stage.subject(name="one")
        environment: Any = SimpleNamespace(subject=subject, ident="one", crosses=lambda: crosses)
        stop = serving.serve(environment, jail)
        reader, writer = await asyncio.open_connection(*where)
        writer.write(request_)
        await asyncio.wait_for(reader.read(65536), 20)
        writer.close()
        stop()
        await serving.close()

    asyncio.run(run())
    assert bool(stage.sink.records) == crosses


def test_what_was_lent_to_an_environment_ends_with_it(authority: Authority) -> None:
    stage = Heard().stage()
    ring = stage.passage.ring

    async def run() -> tuple[bool, bool]:
        serving = Serving(stage.passage, authority, unsafe=False)
        key = serving.issue("one", "Worker")
        lent = ring.lend(key.access_key, KEYS["two"])
        jail: Any = SimpleNamespace(listeners=Listeners((), (), False))
        environment: Any = SimpleNamespace(subject=stage.subject(name="one"), ident="one")
        stop = serving.serve(environment, jail)
        before = ring.of(lent.access_key) is not None
        stop()
        await serving.close()
        return before, ring.of(lent.access_key) is not None

    assert asyncio.run(run()) == (True, False)


QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"

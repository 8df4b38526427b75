"""A small upload is vouched for before any of it is sent, and a small reply is what it was when it streamed.

Knows S3's uploads and heads. How a body is decoded and verified is tried in tests/wire.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tests.playbook.exchanges import OWN, Heard, Spoken, request_of, sdk
from tests.playbook.play import KEEP, PII, Stage
from valve_aws.model.call import Head
from valve_aws.model.label import CLEAN
from valve_aws.passage import crossing
from valve_aws.proxy import Reply, Target
from valve_aws.proxy.head import ResponseHead
from valve_aws.proxy.inbox import Inbox
from valve_aws.proxy.limits import LIMITS

HEAD, BODY = request_of(sdk("s3"), "PutObject", Bucket="keep", Key="k", Body=b"an honest text")


def through(stage: Stage, spoken: Spoken) -> None:
    subject = stage.subject(PII)
    asyncio.run(crossing.request(stage.passage, subject, OWN, spoken))  # type: ignore[arg-type]  # it has what is used


@pytest.mark.parametrize(
    "changed",
    [BODY.replace(b"honest", b"forged"), BODY[:-8], BODY + b"more"],
    ids=["another content", "cut short", "longer"],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
def test_an_upload_that_is_not_what_it_says_is_not_sent(changed: bytes, chunked: bool) -> None:
    def spoken_of(body: bytes) -> Spoken:
        spoken = Spoken(HEAD, body)
        spoken.length = None if chunked else len(body)
        return spoken

    heard = Heard()
    through(heard.stage(), spoken_of(BODY))
    assert set(heard.whole) == {True}, "in one piece, each time that it was tried"
    heard = Heard()
    stage = heard.stage()
    stage.passage.ring.take(OWN, "env", "Worker")
    through(stage, spoken := spoken_of(changed))
    assert not heard.reached
    assert spoken.answer is not None
    assert spoken.answer[0] == 403
    assert [record.outcome for record in stage.sink.records if record.verdict == "settled"] == ["failed"]
    assert stage.carries(KEEP, "k") == CLEAN, "nothing was written there"
    assert not stage.open()


class Answering(Heard):
    """An upstream that answers each request so."""

    def __init__(self, head: ResponseHead, content: bytes = b"") -> None:
        super().__init__()
        self.head, self.content = head, content

    async def send(self, target: Target, *_: Any, **__: Any) -> Any:
        upstream: Any = SimpleNamespace(limits=LIMITS, keep=lambda *_: None)
        inbox = Inbox()
        inbox.feed(self.content)
        wire: Any = SimpleNamespace()
        return Reply(upstream, target, wire, inbox, self.head, True)


class Measured(Spoken):
    """One that keeps how long the content is said to be."""

    def __init__(self, head: Head, body: bytes) -> None:
        super().__init__(head, body)
        self.said: int | None = None

    async def respond(self, status: int, headers: Any, body: Any, length: int | None = None) -> None:
        self.said = len(body) if isinstance(body, bytes) and body else length
        await super().respond(status, headers, body, length)


@pytest.mark.parametrize(
    ("operation", "content"), [("HeadObject", b""), ("GetObject", b"x" * 1234)], ids=["head", "get"]
)
def test_a_small_reply_has_the_length_that_was_said(operation: str, content: bytes) -> None:
    inside = 0 if operation == "HeadObject" else len(content)
    there = Answering(ResponseHead(200, (("etag", '"e"'),), inside, 1234, True), content)
    spoken = Measured(*request_of(sdk("s3"), operation, Bucket="keep", Key="k"))
    through(there.stage(), spoken)
    assert spoken.answer == (200, {"etag": '"e"'}, content)
    assert spoken.said == 1234

"""Law 17: what leaves an environment carries no credential of this run, by whichever exit.

Knows where functions put what they should not send. Does not know how it is spelled; `tests/aws` does.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.playbook.exchanges import OWN, Heard, ask_for, carried, head_for, request_of, sdk
from tests.playbook.play import Play, Stage, rules
from valve_aws.course.release import log, result
from valve_aws.model.call import Head
from valve_aws.model.verdict import Mode
from valve_aws.proxy import Unreachable

Request = tuple[Head, bytes]


class Drained(Heard):
    """An upstream that takes the whole body and answers nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.got = b""

    async def send(self, target: Any, method: str, path: str, headers: Any, body: Any = None,
                   length: Any = None) -> Any:
        if isinstance(body, bytes):
            self.got += body
        elif body is not None:
            async for piece in body:
                self.got += piece
        self.requests.append((method, path, dict(headers)))
        raise Unreachable("it went away", True)


def staged(mode: Mode) -> tuple[Drained, Stage]:
    heard = Drained()
    stage = heard.stage(mode)
    stage.passage.ring.take(OWN, "env", "Worker")
    stage.passage.resolve = {("clean.test", 0): ("127.0.0.1", 9)}
    return heard, stage


def told(stage: Stage) -> list[str]:
    refused = [record for record in stage.sink.records if record.verdict == "refuse"]
    return [str(reason.rule) for record in refused for reason in record.reasons]


def post(body: bytes, target: str = "/x", **headers: str) -> Request:
    return head_for("POST", f"http://clean.test{target}", **headers), body


QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"

LEAKS: dict[str, Request] = {
    "a message": request_of(sdk("sqs"), "SendMessage", QueueUrl=QUEUE, MessageBody=f"key={OWN.secret_key}"),
    "a message's attribute": request_of(
        sdk("sqs"), "SendMessage", QueueUrl=QUEUE, MessageBody="x",
        MessageAttributes={"a": {"DataType": "String", "StringValue": OWN.token}}),
    "an object's key": request_of(sdk("s3"), "GetObject", Bucket="keep", Key=OWN.secret_key),
    "an object's metadata": request_of(sdk("s3"), "PutObject", Bucket="keep", Key="k", Body=b"x",
                                       Metadata={"a": OWN.token}),
    "an item": request_of(sdk("dynamodb"), "PutItem", TableName="customers",
                          Item={"id": {"S": "c3"}, "note": {"S": OWN.secret_key}}),
    "another host's path": post(b"", f"/{OWN.secret_key}"),
    "another host's header": post(b"", note=OWN.token),
}
STREAMED: dict[str, Request] = {
    "an object": request_of(
        sdk("s3"), "PutObject", Bucket="keep", Key="k", Body=b"x" * 90000 + OWN.token.encode()
    ),
    "another host's body": post(b"x" * 90000 + OWN.secret_key.encode() + b"y" * 90000),
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_a_credential_in_a_call_keeps_it_from_being_sent(leak: Request) -> None:
    heard, stage = staged(Mode.ENFORCE)
    assert carried(stage, stage.subject(), *leak)[0] == 403
    assert "held-credential" in told(stage)
    assert heard.requests == []
    assert OWN.secret_key not in repr(stage.sink.records)
    assert OWN.token not in repr(stage.sink.records)


@pytest.mark.parametrize("leak", STREAMED.values(), ids=STREAMED)
def test_a_body_is_cut_before_a_credential_in_it_is_gone(leak: Request) -> None:
    heard, stage = staged(Mode.ENFORCE)
    assert carried(stage, stage.subject(), *leak)[0] == 403
    assert told(stage) == ["held-credential"]
    assert b"ValveKept" not in heard.got


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.AUDIT])
@pytest.mark.parametrize("leak", (LEAKS | STREAMED).values(), ids=LEAKS | STREAMED)
def test_unguarded_it_is_sent_and_in_audit_it_is_told(mode: Mode, leak: Request) -> None:
    heard, stage = staged(mode)
    carried(stage, stage.subject(), *leak)
    assert b"ValveKept" in heard.got + repr(heard.requests).encode()
    assert ("held-credential" in told(stage)) is (mode is Mode.AUDIT and leak in LEAKS.values())


def test_what_carries_none_passes() -> None:
    heard, stage = staged(Mode.ENFORCE)
    ask_for(stage, stage.subject(), "POST", "http://clean.test/x", note="x")
    carried(stage, stage.subject(), *request_of(sdk("s3"), "PutObject", Bucket="keep", Key="k", Body=b"x"))
    assert told(stage) == []
    assert {path for _, path, _ in heard.requests} == {"/x", "/keep/k"}


@pytest.mark.parametrize("mode", list(Mode))
def test_a_result_with_a_credential_is_held_back_only_when_enforced(mode: Mode) -> None:
    stage = Stage(mode)
    _, verdict = Play(stage, "env", result(stage.court, stage.subject(), "the secret key of a test")).verdict
    assert verdict.passes is (mode is not Mode.ENFORCE)
    assert rules(verdict) == (set() if mode is Mode.OFF else {"held-credential"})


@pytest.mark.parametrize("mode", list(Mode))
def test_of_a_line_with_a_credential_the_log_gets_the_rest(mode: Mode) -> None:
    stage = Stage(mode)
    course = log(stage.court, stage.subject(), "key K of 7", "the secret key of a test", "key [masked] of 7")
    line, verdict = Play(stage, "env", course).verdict
    assert line == ("key [masked] of 7" if mode is Mode.ENFORCE else "key K of 7")
    assert rules(verdict) == (set() if mode is Mode.OFF else {"held-credential"})

"""Law 17: a session of STS lives inside alone, for the environment that asked, and no longer than it.

Knows what functions ask STS for. Does not know what STS allows.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from tests.playbook.exchanges import OWN, carried, request_of, sdk
from tests.playbook.play import PII, Stage
from tests.playbook.test_law_17_links import Answer, Answering
from valve_aws.aws import issue
from valve_aws.course.subject import Subject
from valve_aws.model.call import Key
from valve_aws.model.verdict import Mode

OTHER = issue(os.urandom)
ROLE = "arn:aws:iam::123456789012:role/own"
LINES = f"""
functions: {{}}
grant:
  - {{functions: [Helper], configure: ["{ROLE}"], why: "it is ours"}}
"""
ASKED = {
    "AssumeRole": {"RoleArn": ROLE, "RoleSessionName": "name"},
    "GetSessionToken": {},
    "GetFederationToken": {"Name": "somebody"},
}
GIVEN = """<R><Credentials><AccessKeyId>ASIAUPSTREAMUPSTREAM</AccessKeyId>
<SecretAccessKey>up/stream+secret</SecretAccessKey><SessionToken>up/stream+token==</SessionToken></Credentials></R>"""


class Lending(Answering):
    """A backend whose STS gives sessions."""

    given = GIVEN

    async def send(self, *asked: Any, **more: Any) -> Any:
        await super().send(*asked, **more)
        answer = Answer(200, (("content-type", "text/xml"),))
        answer.collect = self._said  # type: ignore[method-assign]  # the body of this answer
        return answer

    async def _said(self, limit: int) -> bytes:
        return self.given.encode()


def staged(mode: Mode = Mode.ENFORCE) -> tuple[Lending, Stage]:
    heard = Lending()
    stage = heard.stage(mode, more=LINES)
    stage.passage.ring.take(OWN, "env", "Worker")
    stage.passage.ring.take(OTHER, "other", "Worker")
    return heard, stage


def asked(stage: Stage, operation: str, subject: Subject | None = None) -> tuple[int, bytes]:
    head, body = request_of(sdk("sts"), operation, **ASKED[operation])
    status, _, said = carried(stage, subject or stage.subject(), head, body)
    return status, said


def session(body: bytes) -> Key:
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    found = [re.search(f"<{name}>(.*?)</{name}>", body.decode()) for name in names]
    return Key(*(m[1] for m in found if m))


def got(stage: Stage, key: Key, own: Key = OWN) -> int:
    head, body = request_of(sdk("s3", key), "GetObject", Bucket="drop", Key="k")
    return carried(stage, stage.subject(), head, body, own)[0]


def rules(stage: Stage) -> list[str]:
    refused = [record for record in stage.sink.records if record.verdict == "refuse"]
    return [str(reason.rule) for record in refused for reason in record.reasons]


@pytest.mark.parametrize("operation", ASKED)
@pytest.mark.parametrize("mode", list(Mode))
def test_what_sts_gives_never_comes_in(operation: str, mode: Mode) -> None:
    _, stage = staged(mode)
    status, said = asked(stage, operation)
    assert status == 200
    assert b"pstream" not in said.lower()
    assert session(said).access_key.startswith("ASIAVALVE")


def test_a_session_is_signed_with_what_sts_gave_and_is_the_function_s_own_call() -> None:
    heard, stage = staged()
    lent = session(asked(stage, "AssumeRole")[1])
    got(stage, lent)
    assert rules(stage) == []
    assert "Credential=ASIAUPSTREAMUPSTREAM/" in heard.requests[-1][2]["authorization"]
    assert heard.requests[-1][2]["x-amz-security-token"] == "up/stream+token=="
    assert stage.sink.records[-1].function == "Worker"


def test_another_environment_has_nothing_of_it_and_it_ends_with_its_own() -> None:
    _, stage = staged()
    lent = session(asked(stage, "AssumeRole")[1])
    assert got(stage, lent, OTHER) == 403
    assert rules(stage) == ["foreign-credential"]
    stage.passage.ring.end("env")
    assert got(stage, lent) == 403
    assert rules(stage) == ["foreign-credential"] * 2


def test_what_sts_says_in_another_way_is_not_handed_on() -> None:
    heard, stage = staged()
    heard.given = GIVEN + GIVEN
    status, said = asked(stage, "AssumeRole")
    assert status == 403
    assert b"pstream" not in said.lower()


def test_a_role_of_somebody_else_is_foreign() -> None:
    heard, stage = staged()
    head, body = request_of(sdk("sts"), "AssumeRole", RoleSessionName="name",
                            RoleArn="arn:aws:iam::999999999999:role/theirs")
    assert carried(stage, stage.subject(), head, body)[0] == 403
    assert "perimeter" in rules(stage)
    assert heard.requests == []


def test_names_and_tags_of_a_session_are_data() -> None:
    heard, stage = staged()
    assert asked(stage, "AssumeRole", stage.subject(PII))[0] == 403
    assert rules(stage) == ["accepts"]
    assert asked(stage, "GetFederationToken", stage.subject(PII))[0] == 403
    assert heard.requests == []


def test_a_session_is_recognised_in_what_leaves() -> None:
    _, stage = staged()
    lent = session(asked(stage, "AssumeRole")[1])
    queue = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
    head, body = request_of(sdk("sqs"), "SendMessage", QueueUrl=queue, MessageBody=lent.secret_key)
    assert carried(stage, stage.subject(), head, body)[0] == 403
    assert rules(stage) == ["held-credential"]

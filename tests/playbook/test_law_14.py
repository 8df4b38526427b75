"""Law 14: a refusal tells nothing inside: a fixed text and an opaque id, whatever the reason.

Knows what the function gets. What a refusal may depend on is tried in tests/laws.
"""

from __future__ import annotations

import json

import pytest

from tests.playbook.exchanges import OWN, Answer, Heard, carried, request_of, sdk
from tests.playbook.play import PII, Stage
from valve_aws.aws import issue
from valve_aws.model.call import Head, Key
from valve_aws.model.label import CLEAN, Label
from valve_aws.passage.driver import ident

OTHER = issue(lambda n: b"\7" * n)


def message(body: str) -> tuple[Head, bytes]:
    queue = "https://sqs.us-east-1.amazonaws.com/123456789012/"
    return request_of(sdk("sqs"), "SendMessage", QueueUrl=queue + body, MessageBody="x")


def object_(bucket: str, **params: str) -> tuple[Head, bytes]:
    return request_of(sdk("s3"), "PutObject", Bucket=bucket, Key="k", Body=b"x", **params)


def refused(
    asked: tuple[Head, bytes], label: Label = PII, silent: bool = False, own: bool = True
) -> tuple[Answer, Stage]:
    heard = Heard()
    stage = heard.stage()
    if silent:
        stage.book.broken = frozenset({"held"})
    answer = carried(stage, stage.subject(label), *asked, OWN if own else OTHER)
    assert heard.reached == []
    return answer, stage


def without_ident(answer: Answer, stage: Stage) -> Answer:
    ident = stage.sink.records[-1].ident
    status, headers, body = answer
    assert ident.encode() in body
    plain = {name: value.replace(ident, "?") for name, value in headers.items()}
    return status, plain, body.replace(ident.encode(), b"?")


FORGED = request_of(
    sdk("s3", Key(OWN.access_key, OTHER.secret_key, OWN.token)), "GetObject", Bucket="keep", Key="k"
)

CASES = {
    "the store accepts less": lambda: refused(object_("drop")),
    "the store is foreign": lambda: refused(object_("somebody-elses"), CLEAN),
    "the key is foreign": lambda: refused(object_("keep"), CLEAN, own=False),
    "the call opens an exit": lambda: refused(
        request_of(sdk("s3"), "PutBucketPolicy", Bucket="keep", Policy="{}"), CLEAN
    ),
    "it cannot be read": lambda: refused(FORGED, CLEAN),
    "the book is silent": lambda: refused(
        request_of(sdk("s3"), "GetObject", Bucket="keep", Key="k"), CLEAN, silent=True
    ),
}


def test_whatever_the_reason_the_function_gets_the_same_but_for_the_id() -> None:
    answers, reasons = [], set()
    for case in CASES.values():
        answer, stage = case()
        answers.append(without_ident(answer, stage))
        reasons.add(stage.sink.records[-1].reasons[0].rule)
    assert len(reasons) == len(CASES)
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 403


def test_what_the_function_gets_names_no_tag_store_function_or_line() -> None:
    answer, stage = CASES["the store accepts less"]()
    reason = stage.sink.records[-1].reasons[0]
    told = repr(answer).lower()
    for word in ("pii", "drop", "worker", "accepts", reason.text, "valve.yaml", "template"):
        assert word.lower() not in told


@pytest.mark.parametrize("label", [PII, frozenset({"pii/email"}), frozenset({"pii", "tenant/a"})])
def test_it_is_the_same_for_every_label(label: Label) -> None:
    answer, stage = refused(message("elsewhere"), label)
    assert without_ident(answer, stage) == without_ident(*refused(message("elsewhere"), CLEAN))


def test_each_protocol_gets_an_error_that_its_sdk_knows() -> None:
    answer, _ = refused(message("elsewhere"))
    assert json.loads(answer[2])["__type"] == "AccessDeniedException"
    answer, _ = refused(object_("drop"))
    assert b"<Code>AccessDenied</Code>" in answer[2]


def test_the_operator_gets_the_reasons_under_that_id() -> None:
    answer, stage = CASES["the store accepts less"]()
    record = stage.sink.records[-1]
    assert record.ident.encode() in answer[2]
    assert "pii" in record.reasons[0].text
    assert stage.seen[-1] == record


def test_ids_of_refusals_say_nothing_by_their_order() -> None:
    made = [ident() for _ in range(200)]
    assert len(set(made)) == 200
    assert made != sorted(made)

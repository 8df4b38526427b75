"""A handler that carries what it read where it may not go: shown with the guard off, then refused.

Knows three services under moto's in-process mock. Does not know how the hook is put in.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

import valve_aws
from tests.hook.conftest import APP, at, queue, waiting


def guard(mode: str = "", **more: Any) -> valve_aws.Guard:
    return valve_aws.guard(policy=APP / "valve.yaml", mode=mode, **{"say": lambda _: None, **more})


def seed() -> None:
    at("dynamodb").put_item(
        TableName="customers", Item={"id": {"S": "c1"}, "email": {"S": "a@b.c"}, "amount": {"N": "3"}}
    )


def leaking(event: Any, context: Any) -> Any:
    item = at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})["Item"]
    at("sqs").send_message(QueueUrl=queue("jobs"), MessageBody=item["email"]["S"])
    return {"ok": True}


def honest(event: Any, context: Any) -> Any:
    item = at("dynamodb").get_item(
        TableName="customers", Key={"id": {"S": "c1"}}, ProjectionExpression="id,amount"
    )["Item"]
    at("sqs").send_message(QueueUrl=queue("jobs"), MessageBody=item["amount"]["N"])
    return {"ok": True}


def test_without_a_guard_it_gets_out(cloud: Any) -> None:
    seed()
    assert leaking({}, None) == {"ok": True}
    assert waiting("jobs") == ["a@b.c"]


def test_a_leak_is_refused_as_the_service_would_and_never_sent(cloud: Any) -> None:
    with guard() as valve:
        seed()
        with pytest.raises(ClientError) as raised:
            valve.handler("Worker", leaking)({}, None)
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    assert raised.value.operation_name == "SendMessage"
    assert waiting("jobs") == []
    refused = next(r for r in valve.refusals if r.operation == "SendMessage")
    assert refused.reasons[0].rule == "accepts"
    assert refused.reasons[0].excess == {"pii/email"}
    assert refused.ident in str(raised.value)


def test_an_honest_handler_passes(cloud: Any) -> None:
    with guard() as valve:
        seed()
        assert valve.handler("Worker", honest)({}, None) == {"ok": True}
    assert waiting("jobs") == ["3"]
    assert valve.refusals == []
    assert [(r.function, r.operation) for r in valve.records] == [
        ("operator", "PutItem"),
        ("Worker", "Admit"),
        ("Worker", "GetItem"),
        ("Worker", "GetQueueUrl"),
        ("Worker", "SendMessage"),
        ("Worker", "Result"),
    ]


def test_in_audit_it_passes_and_is_seen(cloud: Any) -> None:
    with guard("audit") as valve:
        seed()
        assert valve.handler("Worker", leaking)({}, None) == {"ok": True}
    assert waiting("jobs") == ["a@b.c"]
    assert valve.refusals == []
    assert [(r.operation, r.verdict) for r in valve.records if r.verdict == "refuse"] == [
        ("SendMessage", "refuse")
    ]


def test_off_it_is_recorded_and_nothing_more(cloud: Any) -> None:
    with guard("off") as valve:
        seed()
        assert valve.handler("Worker", leaking)({}, None) == {"ok": True}
    assert waiting("jobs") == ["a@b.c"]
    assert [r.operation for r in valve.records if r.function == "Worker"] == [
        "Admit",
        "GetItem",
        "GetQueueUrl",
        "SendMessage",
    ]
    assert not any(r.label or r.joined for r in valve.records)


def test_the_line_about_the_run_names_its_strength(cloud: Any) -> None:
    with guard() as valve:
        seed()
    assert valve.summary().startswith("valve (cooperative): 1 call,")

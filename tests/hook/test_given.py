"""What a program asks of botocore, typed from its parameters and read off the wire: one call, or none twice.

Knows every operation that has a row, with parameters made up by its shapes. Does not know what a row says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.wire.sdk import ACCOUNT, KEY, REGION, Maker, client, request_of
from valve_aws.aws import Aws
from valve_aws.aws.effects import MODULES, rows
from valve_aws.cooperative.inprocess import Learned, Wire
from valve_aws.hook import seam
from valve_aws.hook.watch import spoken
from valve_aws.model.call import Call, Evidence, Unreadable
from valve_aws.model.stack import Stack

NAMES: Mapping[str, Mapping[str, Any]] = {
    "s3": {"RequestRoute": "route"},
    "sns": {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic", "TargetArn": None, "PhoneNumber": None},
    "secretsmanager": {"SecretId": "partner-key", "Name": "partner-key"},
    "ssm": {"Name": "/app/mode", "Names": ["/app/mode"], "Path": "/app"},
    "events": {"EventBusName": "bus"},
    "firehose": {"DeliveryStreamName": "stream"},
    "stepfunctions": {"stateMachineArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:machine"},
    "logs": {"logGroupName": "/app/log", "logStreamName": "stream", "logGroupIdentifier": None},
    "kms": {"KeyId": "0a1b2c3d-0000-4000-8000-000000000000"},
}
"""Names that can be canonical, where those made up by shape cannot; None: not given."""


OLD = {"PutBucketLifecycle", "PutBucketNotification"}
"""First names of S3's operations whose parameters have other members than today's: refused by the hook."""


class Ear:
    """A guard that only hears what is going to be sent."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def errand(self, client: Any, operation: Any, params: Mapping[str, Any], context: Any) -> Ear:
        self.heard.append((client, operation, params, context))
        return self

    def replied(self, http: Any, parsed: Any) -> None: ...

    def lost(self, why: str) -> None: ...

    def instead(self, body: Any) -> None: ...

    def presigned(self, made: Any) -> None: ...


def shown(call: Call | Unreadable) -> Any:
    """Everything that is judged and recorded of a call; what cannot be read may be told otherwise."""
    if isinstance(call, Unreadable):
        return "unreadable"
    return (
        call.service, call.operation, call.region, call.resources, call.effect, call.actions, call.known,
        call.leaves, call.foreign,
    )  # fmt: skip


@pytest.mark.parametrize("service", MODULES)
def test_every_operation_with_a_row_is_the_same_call_either_way(service: str) -> None:
    made, aws = client(service), Aws(ACCOUNT, REGION, lambda _: None)
    wire, understood = Wire(aws, Learned(Stack("", ACCOUNT, REGION, {}, {}))), 0
    ear = Ear()
    seam.put_in(ear)
    try:
        for row in rows(service):
            for full in (False, True):
                model = made.meta.service_model.operation_model(row.operation)
                params = Maker(f"{service}.{row.operation}.{full}", full).params(model)
                params |= {n: v for n, v in NAMES.get(service, {}).items() if n in params}
                head, body = request_of(
                    made, row.operation, {n: v for n, v in params.items() if v is not None}
                )
                told = wire.given(spoken(*ear.heard[-1], Evidence()))
                read = aws.read(head, body, KEY)
                if row.operation in OLD:
                    assert shown(told) == "unreadable"
                    continue
                assert shown(told) == shown(read), f"{service}:{row.operation}"
                understood += isinstance(told, Call)
    finally:
        seam.take_out(ear)
    assert understood >= len(rows(service)) // 3

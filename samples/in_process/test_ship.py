"""moto's usual pattern, a handler called under `mock_aws`, with a guard around it."""

import json
from pathlib import Path

import boto3
import pytest
import ship

import valve_aws

HERE = Path(__file__).parent


@pytest.fixture
def guard(cloud):
    with valve_aws.guard(policy=HERE / "valve.yaml") as guard:
        yield guard


def test_the_carrier_gets_the_street_and_nothing_that_knows_the_address(cloud, guard):
    alice = {"id": "c1", "street": "Main St 1", "email": "alice@example.org"}
    boto3.resource("dynamodb").Table("customers").put_item(Item=alice)

    handler = guard.handler("Ship", ship.handler)

    assert handler({"customer": "c1"}, None) == {"ok": True}
    message = boto3.client("sqs").receive_message(QueueUrl=cloud)["Messages"][0]
    assert json.loads(message["Body"]) == {"street": "Main St 1"}
    assert guard.refusals == []

"""A function in its sandbox, a stack for each test; `pytest -n 4` runs these in four workers."""

import json

import pytest


@pytest.mark.parametrize("country", ["NL", "BE", "DE", "FR"])
def test_the_job_gets_no_address(country, valve_stack, valve_lambda, valve_flows):
    table = valve_stack.resource("dynamodb").Table(valve_stack.name("Customers"))
    table.put_item(Item={"id": "c1", "email": "alice@example.org", "country": country})

    run = valve_lambda("Welcome").invoke({"id": "c1"})

    assert run.result == {"queued": "c1"}
    queue = valve_stack.client("sqs").get_queue_url(QueueName=valve_stack.name("Jobs"))["QueueUrl"]
    (message,) = valve_stack.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"]) == {"id": "c1", "country": country}
    # Nothing here carries the label, as the function did not read the address; that is what is wanted.
    valve_flows.assert_no_flow("pii", to="Jobs", vacuous_ok=True)
    valve_flows.assert_only_calls("Welcome", {"dynamodb:GetItem Customers", "sqs:SendMessage Jobs"})

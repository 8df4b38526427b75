"""The function runs behind the guard against a moto server that is the test's own."""

import boto3


def test_the_job_gets_no_address(moto_server, valve_stack, valve_lambda, valve_flows):
    table = valve_stack.resource("dynamodb").Table(valve_stack.name("Customers"))
    table.put_item(Item={"id": "c1", "email": "alice@example.org", "country": "NL"})

    assert valve_lambda("Welcome").invoke({"id": "c1"}).result == {"queued": "c1"}

    valve_flows.assert_no_flow("pii", to="Jobs", vacuous_ok=True)
    there = boto3.client("sqs", endpoint_url=moto_server).list_queues()["QueueUrls"]
    assert [url.rpartition("/")[2] for url in there] == [valve_stack.name("Jobs")]

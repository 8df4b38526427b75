"""The function runs behind the guard against an endpoint that somebody else runs."""


def test_the_job_gets_no_address(dynamodb, valve_stack, valve_lambda, valve_flows):
    item = {"id": {"S": "c1"}, "email": {"S": "alice@example.org"}, "country": {"S": "NL"}}
    dynamodb.put_item(TableName=valve_stack.name("Customers"), Item=item)

    assert valve_lambda("Welcome").invoke({"id": "c1"}).result == {"queued": "c1"}

    valve_flows.assert_no_flow("pii", to="Jobs", vacuous_ok=True)

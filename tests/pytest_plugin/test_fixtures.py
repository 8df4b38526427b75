"""What a test gets from the fixtures, and when it fails: each side shown.

Knows the fixtures' names. Does not know how the guard judges; tests of the rooms do.
"""

from __future__ import annotations

from tests.pytest_plugin.conftest import TEMPLATE, Project

PUT = """
def put(stack):
    stack.client("dynamodb").put_item(
        TableName=stack.name("Customers"), Item={"id": {"S": "c2"}, "email": {"S": "bob@example.org"}}
    )
"""

HONEST = (
    PUT
    + """
def test_honest(valve_stack, valve_lambda, valve_flows):
    put(valve_stack)
    run = valve_lambda("Worker").invoke({"id": "c2"})
    assert run.result == {"ok": True, "found": ["email", "id"]}
    assert run.error is None
    assert run.logs == ("working",)
    assert run.labels == {"pii/email"}
    assert run.calls == ("dynamodb:GetItem",)
    assert [told.verdict for told in run.verdicts] == ["allow", "allow", "allow"]
    valve_flows.assert_no_flow("pii", to="Jobs")
    valve_flows.assert_only_calls("Worker", {"dynamodb:GetItem Customers"})


def test_what_the_test_before_has_put_there_is_gone(valve_stack, valve_lambda, valve_flows):
    run = valve_lambda("Worker").invoke({"id": "c2"})
    assert run.result == {"ok": True, "found": []}
    assert valve_lambda("Worker").invoke({"id": "c1"}).result["found"] == ["email", "id"]
"""
)

LEAKS = (
    PUT
    + """
def test_leak(valve_stack, valve_lambda, valve_flows):
    put(valve_stack)
    run = valve_lambda("Worker").invoke({"id": "c2", "leak": True})
    assert run.result["ok"]
    valve_flows.assert_no_flow("pii", to="Jobs")


def test_swallowed(valve_lambda):
    assert valve_lambda("Worker").invoke({"leak": True}).result["ok"]


def test_expected(valve_lambda, valve_flows):
    run = valve_lambda("Worker").invoke({"leak": True})
    assert [told.call for told in run.refused] == ["sqs:SendMessage Jobs"]
    valve_flows.assert_refused("Worker", "sqs:SendMessage", to="Jobs", tag="pii", times=1)


def test_vacuous(valve_lambda, valve_flows):
    valve_flows.assert_no_flow("pii", to="Jobs", vacuous_ok=True)
    valve_flows.assert_no_flow("pii", to="Jobs")


def test_logs(valve_lambda, valve_flows):
    valve_lambda("Worker").invoke({"after": "bye"})
    valve_flows.assert_flow("pii", to="logs")
    valve_flows.assert_no_flow("pii", to="logs")


def test_no_line_of_the_test_before(valve_lambda, valve_flows):
    valve_lambda("Worker").invoke({})
    valve_flows.assert_no_flow("pii", to="logs")


def test_unknown(valve_lambda, valve_flows):
    valve_flows.assert_no_flow("pii", to="Jbos")
"""
)


def test_an_honest_function_passes_and_every_test_begins_with_the_seed(project: Project) -> None:
    project.write(tests__test_honest=HONEST)
    code, out = project.pytest("-v")
    assert code == 0, out
    assert "2 passed" in out


def test_a_leak_fails_whether_it_is_asked_for_or_swallowed(project: Project) -> None:
    project.write(tests__test_leaks=LEAKS)
    code, out = project.pytest("-v")
    assert code == 1
    assert "4 failed, 3 passed, 1 error" in out, out
    assert "test_leaks.py::test_expected PASSED" in out
    assert "ERROR at teardown of test_swallowed" in out
    assert "`pii` was not to flow to `Jobs`: it was tried once, and stopped" in out
    assert "came by   Customers/c2.email" in out
    assert "nothing carried `pii` in this test" in out
    assert "`pii` was not to flow to `logs`: it did, once" in out
    assert "Worker wrote: bye    (pii/email)" in out
    assert "nothing is called `Jbos`; did you mean `Jobs`" in out
    assert "pytest_plugin/flows.py" not in out, "a helper's own frames are not shown"


WOKEN = """
def test_woken(valve_stack, valve_flows):
    sqs = valve_stack.client("sqs")
    jobs = sqs.get_queue_url(QueueName=valve_stack.name("Jobs"))["QueueUrl"]
    sqs.send_message(QueueUrl=jobs, MessageBody="x")
    valve_flows.assert_flow("pii", to="Worker")
"""


def test_what_a_test_s_own_message_wakes_has_ended_before_anything_is_asserted(project: Project) -> None:
    wakes = "Events: {Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}}\n      Policies:"
    project.write(tests__test_woken=WOKEN, **{"template.yaml": TEMPLATE.replace("Policies:", wakes)})
    code, out = project.pytest()
    assert code == 0, out


TIME = """
from valve_aws import clock


def test_hourly(valve_stack, valve_flows):
    valve_stack.name("Jobs")
    clock.advance(3599)
    valve_flows.assert_no_flow("pii", to="Worker", vacuous_ok=True)
    clock.advance(1)
    valve_flows.assert_flow("pii", to="Worker")


def test_anew(valve_stack, valve_flows):
    valve_stack.name("Jobs")
    clock.advance(3599)
    valve_flows.assert_no_flow("pii", to="Worker", vacuous_ok=True)
"""


def test_a_test_lets_time_pass(project: Project) -> None:
    hourly = "Events: {Hourly: {Type: Schedule, Properties: {Schedule: rate(1 hour)}}}\n      Policies:"
    project.write(tests__test_time=TIME, **{"template.yaml": TEMPLATE.replace("Policies:", hourly)})
    code, out = project.pytest()
    assert code == 0, out


def test_who_uses_no_fixture_sees_nothing(project: Project) -> None:
    project.write(tests__test_else="def test_else():\n    assert True\n")
    code, out = project.pytest()
    assert code == 0
    assert (
        "valve"
        not in out.replace(str(project.folder), "")
        .lower()
        .partition("\n1 passed")[0]
        .partition("collected")[2]
    )

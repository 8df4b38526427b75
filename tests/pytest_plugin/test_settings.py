"""Which template, policy, mode and guard a test has: by marker, option, ini file, by what lies beside it.

Knows what may be said and where. Does not know what a guard does with it.
"""

from __future__ import annotations

import pytest

from tests.pytest_plugin.conftest import POLICY, TEMPLATE, Project

pytestmark = pytest.mark.slow

OPEN = POLICY.replace("stores:", "stores:\n  Jobs: {accepts: [pii]}")

LEAK = """
def test_leak(valve_lambda, valve_flows):
    valve_lambda("Worker").invoke({"leak": True})
    valve_flows.assert_flow("pii", to="Jobs")
"""

MARKED = """
import pytest


@pytest.mark.valve(mode="audit")
def test_audit(valve_lambda, valve_flows):
    run = valve_lambda("Worker").invoke({"leak": True})
    assert [told.verdict for told in run.verdicts if told.call == "sqs:SendMessage Jobs"] == ["would refuse"]
    valve_flows.assert_flow("pii", to="Jobs")


@pytest.mark.valve(policy="open.yaml")
def test_policy(valve_lambda, valve_flows, valve_stack):
    run = valve_lambda("Worker").invoke({"leak": True})
    assert run.calls == ("dynamodb:GetItem", "sqs:SendMessage")
    valve_flows.assert_flow("pii", to="Jobs")
    queue = valve_stack.client("sqs").get_queue_url(QueueName=valve_stack.name("Jobs"))["QueueUrl"]
    assert valve_stack.client("sqs").receive_message(QueueUrl=queue)["Messages"]


@pytest.mark.valve(mode="audit")
def test_nothing_was_refused(valve_lambda, valve_flows):
    valve_lambda("Worker").invoke({"leak": True})
    valve_flows.assert_refused("Worker", to="Jobs")


@pytest.mark.valve(mode="audti")
def test_mistaken(valve_lambda):
    pass


@pytest.mark.valve(policy="none.yaml")
def test_missing(valve_lambda):
    pass
"""


def test_a_marker_says_mode_and_policy(project: Project) -> None:
    project.write(
        tests__test_marked=MARKED,
        **{"tests/open.yaml": OPEN},
    )
    code, out = project.pytest()
    assert code == 1
    assert "1 failed, 2 passed, 2 errors" in out, out
    assert "nothing that fits was refused" in out
    assert "it would have been, in `enforce`" in out
    assert "`audti` is no mode; say `enforce`, `audit` or `off`" in out
    assert "there is no file `" in out


def test_options_come_before_the_ini_file_and_that_before_what_lies_beside(project: Project) -> None:
    project.write(
        tests__unit__test_it=LEAK,
        **{
            "stack/template.yaml": TEMPLATE,
            "stack/strict.yaml": POLICY,
            "pytest.ini": "[pytest]\nvalve_template=stack/template.yaml\nvalve_policy=stack/strict.yaml\n",
        },
    )
    for name in ("seed.yaml", "src"):
        (project.folder / name).rename(project.folder / "stack" / name)
    for name in ("template.yaml", "valve.yaml"):
        (project.folder / name).unlink()
    code, out = project.pytest()
    assert "1 passed, 1 error" in out, out
    code, out = project.pytest("--valve-mode", "audit")
    assert code == 0, out
    (project.folder / "open.yaml").write_text(OPEN)
    code, out = project.pytest("--valve-policy", "open.yaml")
    assert code == 0, out
    assert "1 flow with a label, 0 refusals" in out


BOTH_GUARDS = f"""{LEAK}

def test_in_process(valve_guard):
    assert "Worker" in valve_guard.stack.functions
"""


def test_the_ini_file_names_the_folder_that_code_may_lie_in(project: Project) -> None:
    ini = "[pytest]\nvalve_template=stack/template.yaml\n"
    project.write(
        tests__unit__test_it=BOTH_GUARDS,
        **{
            "stack/template.yaml": TEMPLATE.replace("CodeUri: src", "CodeUri: ../src"),
            "open.yaml": OPEN,
            "pytest.ini": ini,
        },
    )
    (project.folder / "seed.yaml").rename(project.folder / "stack" / "seed.yaml")
    (project.folder / "template.yaml").unlink()
    code, out = project.pytest("--valve-policy", "open.yaml")
    assert code == 1, out
    assert "2 errors" in out, out
    assert "`../src` leads out of the template's folder" in out, out
    (project.folder / "pytest.ini").write_text(f"{ini}valve_project=.\n")
    code, out = project.pytest("--valve-policy", "open.yaml")
    assert code == 0, out
    (project.folder / "pytest.ini").write_text(f"{ini}valve_project=none\n")
    code, out = project.pytest("--valve-policy", "open.yaml")
    assert code == 1
    assert "there is no folder `" in out


def test_without_a_template_it_says_where_it_looked(project: Project) -> None:
    project.write(tests__test_it=LEAK)
    (project.folder / "template.yaml").unlink()
    code, out = project.pytest()
    assert code == 1
    assert "no template.yaml, template.yml or template.json from here up to" in out
    assert "Traceback" not in out


def test_a_backend_that_is_not_there_is_told_before_anything_runs(project: Project) -> None:
    project.write(tests__test_it=LEAK)
    nobody = "http://127.0.0.1:1"
    for named, told in ((nobody, f"nothing listens at `{nobody}`"), ("moon", "no backend")):
        code, out = project.pytest("--valve-backend", named)
        assert code == 1
        assert told in out
        assert "1 error" in out


UNABLE = """
from valve_aws import sandbox
from valve_aws.model.plan import Strength

told = Strength(False, (("Linux", True, ""), ("sandbox", False, "cannot unshare; allow user namespaces")))
sandbox.strength = lambda: told
"""


def test_where_a_host_cannot_enforce_a_test_is_skipped_or_fails_with_the_remedy(project: Project) -> None:
    project.write(tests__test_it=LEAK, conftest=UNABLE)
    code, out = project.pytest("-rs")
    assert code == 0
    assert "1 skipped" in out
    assert "this host cannot enforce: sandbox: cannot unshare; allow user namespaces" in out
    code, out = project.pytest("-o", "valve_require=enforced")
    assert code == 1
    assert "1 error" in out
    assert "allow user namespaces (`valve_require = enforced`)" in out


IN_PROCESS = """
import importlib
import sys

import boto3
import pytest
from moto import mock_aws


@pytest.fixture
def app(valve_guard, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    table = valve_guard.stack.resources["Customers"].name
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName=table, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        item = {"id": {"S": "c1"}, "email": {"S": "alice@example.org"}}
        boto3.client("dynamodb").put_item(TableName=table, Item=item)
        queue = boto3.client("sqs").create_queue(QueueName=valve_guard.stack.resources["Jobs"].name)
        monkeypatch.setenv("CUSTOMERS", table)
        monkeypatch.setenv("JOBS", queue["QueueUrl"])
        monkeypatch.syspath_prepend("src")
        sys.modules.pop("app", None)
        yield importlib.import_module("app")


def test_honest(app, valve_guard, valve_flows):
    handler = valve_guard.handler("Worker", app.handler)
    assert handler({"id": "c1"}, None)["found"] == ["email", "id"]
    valve_flows.assert_no_flow("pii", to="Jobs")
    valve_flows.assert_only_calls("Worker", {"dynamodb:GetItem Customers"})


def test_leak(app, valve_guard, valve_flows):
    valve_guard.handler("Worker", app.handler)({"id": "c1", "leak": True}, None)
    valve_flows.assert_no_flow("pii", to="Jobs")


def test_swallowed(app, valve_guard):
    valve_guard.handler("Worker", app.handler)({"id": "c1", "leak": True}, None)
"""


def test_a_handler_in_process_is_guarded_and_asserted_the_same_way(project: Project) -> None:
    project.write(tests__test_in_process=IN_PROCESS)
    code, out = project.pytest()
    assert code == 1
    assert "1 failed, 2 passed, 1 error" in out, out
    assert "test_in_process.py::test_leak - AssertionError" in out
    assert "3 tests with the cooperative guard, in process: no boundary" in out
    assert "ERROR at teardown of test_swallowed" in out


TURN = """
def test_turn(valve_lambda, _valve_session):
    assert valve_lambda("Worker").invoke({}).result["ok"]
    assert len(_valve_session._guarded) <= 4
"""


def test_applications_in_turn_are_not_all_kept_open(project: Project) -> None:
    names = ("template.yaml", "src/app.py", "valve.yaml", "seed.yaml")
    for n in range(6):
        for name in names:
            project.write(**{f"a{n}/{name}": (project.folder / name).read_text()})
        project.write(**{f"a{n}/test_turn{n}.py": TURN})
    code, out = project.pytest()
    assert code == 0, out
    assert "6 passed" in out


OVERRIDDEN = """
import pytest


@pytest.fixture
def valve_policy():
    return "open.yaml"


def test_it(valve_lambda, valve_flows):
    valve_lambda("Worker").invoke({"leak": True})
    valve_flows.assert_flow("pii", to="Jobs")
"""


def test_a_fixture_of_ones_own_says_the_policy(project: Project) -> None:
    project.write(test_it=OVERRIDDEN, **{"open.yaml": OPEN})
    code, out = project.pytest()
    assert code == 0, out


BOTH = """
import importlib
import sys


def test_a_handler_in_process_over_the_stack(valve_stack, valve_guard, valve_flows, monkeypatch):
    monkeypatch.setenv("CUSTOMERS", valve_stack.name("Customers"))
    queue = valve_stack.client("sqs").get_queue_url(QueueName=valve_stack.name("Jobs"))["QueueUrl"]
    monkeypatch.setenv("JOBS", queue)
    monkeypatch.syspath_prepend("src")
    handler = valve_guard.handler("Worker", importlib.import_module("app").handler)
    assert handler({"id": "c1", "leak": True}, None)["found"] == ["email", "id"]
    valve_flows.assert_refused("Worker", "sqs:SendMessage", to="Jobs")
    assert "Messages" not in valve_stack.client("sqs").receive_message(QueueUrl=queue)
"""


def test_both_guards_stand_in_one_test(project: Project) -> None:
    project.write(tests__test_both=BOTH)
    code, out = project.pytest()
    assert code == 0, out


def test_a_guard_beside_the_session_s_stack_does_not_take_for_clean_what_it_cannot_know(
    project: Project,
) -> None:
    """What the seed put there is not in its own book: it may be all that the store takes."""
    taken = POLICY.replace("{attributes: {email: [pii/email]}}", "{accepts: [pii]}")
    both = BOTH.replace("valve_stack", "valve_session_stack")
    project.write(tests__test_both=both, **{"valve.yaml": taken})
    code, out = project.pytest()
    assert code == 0, out


APART = """
import pytest


def test_one(valve_session_flows):
    pass


@pytest.mark.valve(mode="audit")
def test_other(valve_session_flows):
    pass
"""


def test_fixtures_of_the_session_are_of_one_application(project: Project) -> None:
    project.write(tests__test_apart=APART)
    code, out = project.pytest()
    assert code == 1
    assert "2 errors" in out, out
    assert "`tests/test_apart.py::test_one` and `tests/test_apart.py::test_other` have another" in out


SESSION = """
def test_first(valve_session_stack, valve_session_lambda, valve_session_flows):
    valve_session_stack.client("dynamodb").put_item(
        TableName=valve_session_stack.name("Customers"), Item={"id": {"S": "c9"}}
    )
    assert valve_session_lambda("Worker").invoke({"id": "c9"}).result["found"] == ["id"]


def test_between(valve_stack, valve_lambda):
    assert valve_lambda("Worker").invoke({"id": "c9"}).result["found"] == []


def test_last(valve_session_lambda, valve_session_flows):
    assert valve_session_lambda("Worker").invoke({"id": "c9"}).result["found"] == ["id"]
    valve_session_flows.assert_only_calls("Worker", {"dynamodb:GetItem"})
    valve_session_flows.assert_no_flow("pii", to="Jobs")


def test_swallowed(valve_session_lambda):
    valve_session_lambda("Worker").invoke({"id": "c1", "leak": True})
"""


def test_what_lasts_for_the_session_keeps_what_it_has_and_answers_at_its_end(project: Project) -> None:
    project.write(tests__test_session=SESSION)
    code, out = project.pytest()
    assert code == 1
    assert "4 passed, 1 error" in out, out
    assert "1 refusal that no assertion of this test speaks of" in out


DUMMY = """
import os

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError


def test_this_process_is_pointed_at_the_stack(valve_stack):
    session = boto3.Session()
    assert session.get_credentials().access_key != "AKIAREAL"
    assert session.client("s3").meta.endpoint_url == valve_stack.url
    assert session.client("dynamodb").list_tables()["TableNames"] == [valve_stack.name("Customers")]


def test_and_has_its_own_back():
    assert os.environ["AWS_ACCESS_KEY_ID"] == "AKIAREAL"
    assert os.environ["AWS_ENDPOINT_URL_DYNAMODB"] == "http://127.0.0.1:1"
    assert "AWS_ENDPOINT_URL" not in os.environ
"""


def test_boto3_is_pointed_at_the_stack_for_a_test_and_no_longer(project: Project) -> None:
    project.write(tests__test_dummy=DUMMY)
    code, out = project.pytest(
        AWS_ACCESS_KEY_ID="AKIAREAL",
        AWS_SECRET_ACCESS_KEY="real",
        AWS_PROFILE="prod",
        AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:1",
    )
    assert code == 0, out

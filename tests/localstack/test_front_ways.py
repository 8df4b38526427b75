"""What else leads to a function or away from it: destinations that are functions, URLs, machines, roles.

Knows LocalStack's own ways. Does not know how the front tells labels.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from tests.localstack.town import ACCOUNT, REGION, ROLE, Town

ALICE = "alice@example.org"


@pytest.mark.parametrize(
    ("mode", "read", "outcome"),
    [("audit", True, "passed on"), ("enforce", True, "AccessDenied"), ("enforce", False, "passed on")],
)
def test_a_function_that_is_told_of_an_outcome_has_its_label(
    town: Town, mode: str, read: bool, outcome: str
) -> None:
    town.mode(mode)
    case = f"then-{mode}-{read}"
    town.invoke("FrontThen", {"case": case, "read": read}, InvocationType="Event")
    report = town.report("FrontNext", case)
    assert report["outcome"] == outcome
    assert town.passed_on(case) is (outcome == "passed on")


def test_what_a_function_has_learned_comes_with_its_answer_to_one_that_waits(town: Town) -> None:
    town.function("FrontCaller", "caller")
    for mode, read, arrives in (("audit", True, True), ("enforce", True, False), ("enforce", False, True)):
        town.mode(mode)
        case = f"waits-{mode}-{read}"
        town.invoke("FrontCaller", {"case": case, "to": "FrontLearner", "read": read})
        if not arrives:
            town.refused("FrontCaller", "SendMessage")
        assert town.passed_on(f"{case} {ALICE if read else 'nobody'}") is arrives


def test_a_url_answers_only_what_may_leave(town: Town) -> None:
    url = town.client("lambda").create_function_url_config(FunctionName="FrontLearner", AuthType="NONE")

    def asked(case: str) -> tuple[int, str]:
        port = urlsplit(town.localstack.url).port
        request = urllib.request.Request(f"http://127.0.0.1:{port}/?case={case}")
        request.add_header("Host", urlsplit(url["FunctionUrl"]).netloc)
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    town.mode("audit")
    status, text = asked("read")
    assert (status, ALICE in text) == (200, True)
    town.mode("enforce")
    status, text = asked("read")
    assert (status, ALICE in text) == (502, False)
    status, text = asked("plain")
    assert (status, "nobody" in text) == (200, True)


def test_a_state_machine_gets_a_result_only_where_it_takes_its_label(town: Town) -> None:
    machines = town.client("stepfunctions")
    machine = town.machine("front-narrow", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:FrontLearner")

    def ended(read: bool) -> tuple[str, str]:
        event = json.dumps({"case": "machine", "read": read})
        started = machines.start_execution(stateMachineArn=machine, input=event)["executionArn"]
        while (told := machines.describe_execution(executionArn=started))["status"] == "RUNNING":
            time.sleep(0.05)
        return told["status"], json.dumps([told.get("output"), told.get("cause")])

    town.mode("enforce")
    assert ended(False)[0] == "SUCCEEDED"
    status, told = ended(True)
    assert (status, ALICE in told) == ("FAILED", False)
    town.mode("audit")
    assert ALICE in ended(True)[1]
    machines.delete_state_machine(stateMachineArn=machine)


def test_what_an_execution_came_to_has_the_label_of_the_functions_that_it_ran(town: Town) -> None:
    town.function("FrontAsker", "asker")
    learner = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:FrontLearner"
    # Why another function: what one has learned is judged at every machine that may run it.
    told, plain = (
        town.machine("front-told", learner),
        town.machine("front-plain", town.function("FrontPlain", "learner")),
    )
    for mode, machine, read, arrives in (
        ("audit", told, True, True),
        ("enforce", told, True, False),
        ("enforce", plain, False, True),
    ):
        town.mode(mode)
        case = f"asked-{mode}-{read}"
        town.invoke("FrontAsker", {"case": case, "machine": machine, "read": read})
        if not arrives:
            town.refused("FrontAsker", "SendMessage")
        assert town.passed_on(f"{case} {ALICE if read else 'nobody'}") is arrives
    for machine in (told, plain):
        town.client("stepfunctions").delete_state_machine(stateMachineArn=machine)


def test_what_a_function_shapes_for_a_delivery_stream_goes_on_only_where_that_takes_its_label(
    town: Town,
) -> None:
    s3, firehose = town.client("s3"), town.client("firehose")
    s3.create_bucket(Bucket="front-lake-out")
    shaper = town.function("FrontShaper", "shaper")
    machine = town.machine("front-shaping", shaper)  # it takes the label, and is not who asks
    firehose.create_delivery_stream(
        DeliveryStreamName="front-lake",
        ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE,
            "BucketARN": "arn:aws:s3:::front-lake-out",
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [
                    {
                        "Type": "Lambda",
                        "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": shaper}],
                    }
                ],
            },
        },
    )

    def shaped(mode: str, case: str) -> str:
        town.mode(mode)
        firehose.put_record(DeliveryStreamName="front-lake", Record={"Data": case.encode()})
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket="front-lake-out").get("Contents", ())]
        return "".join(
            s3.get_object(Bucket="front-lake-out", Key=key)["Body"].read().decode() for key in keys
        )

    # Why not `audit`: what then goes to a delivery stream is adrift, for every test that comes after.
    assert f"read-off {ALICE}" in shaped("off", "read-off")
    assert "plain-enforce nobody" in shaped("enforce", "plain-enforce")
    assert "read-enforce" not in shaped("enforce", "read-enforce")
    assert "front-lake-out" in json.dumps(town.refused("FrontShaper", "Outcome"))
    firehose.delete_delivery_stream(DeliveryStreamName="front-lake")
    town.client("stepfunctions").delete_state_machine(stateMachineArn=machine)


def test_what_comes_through_a_state_machine_may_be_anything_that_was_put_there(town: Town) -> None:
    for mode, read, outcome in (
        ("enforce", False, "passed on"),
        ("enforce", True, "AccessDenied"),
        ("enforce", False, "AccessDenied"),  # Why: LocalStack does not say which execution it runs for
        ("audit", True, "passed on"),
    ):
        town.mode(mode)
        case = f"machine-{mode}-{read}-{outcome}"
        town.invoke("FrontSender", {"via": "machine", "to": "front-machine", "read": read, "case": case})
        assert town.report("FrontMachine", case)["outcome"] == outcome


def test_a_role_that_says_something_is_held_to_it(town: Town) -> None:
    iam = town.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="front-narrow", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )
    reads = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::front-people/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [reads]})
    iam.put_role_policy(RoleName="front-narrow", PolicyName="reads", PolicyDocument=document)
    town.function("FrontNarrow", "learner", Role=role["Role"]["Arn"])
    town.mode("enforce")
    told, _ = town.invoke("FrontNarrow", {"case": "role", "send": True})
    assert "AccessDenied" in told["errorMessage"]
    assert "not-granted" in json.dumps(town.refused("FrontNarrow", "SendMessage"))
    sends = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:{REGION}:{ACCOUNT}:front-public",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [reads, sends]})
    iam.put_role_policy(RoleName="front-narrow", PolicyName="reads", PolicyDocument=document)
    assert town.invoke("FrontNarrow", {"case": "role-may", "send": True})[0]["told"] == "role-may nobody"


def test_no_function_runs_under_a_policy_that_cannot_be_read_until_it_is_mended(town: Town) -> None:
    town.mode("enforce")
    assert town.invoke("FrontLearner", {"case": "read"})[0]["told"] == "read nobody"
    town.policy.write_text("version: 1\nstores: {front-people: {hold: [pii]}}\n")
    for _ in range(2):  # the second one finds it as it was
        told, answer = town.invoke("FrontLearner", {"case": "misread"})
        assert (told["errorType"], answer["FunctionError"]) == ("Valve.FunctionUnavailable", "Unhandled")
    town.mode("enforce")
    assert town.invoke("FrontLearner", {"case": "mended"})[0]["told"] == "mended nobody"


def test_what_was_learned_while_nobody_followed_labels_does_not_stay(town: Town) -> None:
    town.function("FrontRememberer", "rememberer")
    town.mode("off")
    town.invoke("FrontRememberer", {"case": "learns", "read": True})
    assert town.invoke("FrontRememberer", {"case": "warm"})[0]["kept"] == [ALICE]  # the leak
    town.mode("enforce")
    assert town.invoke("FrontRememberer", {"case": "guarded"})[0]["kept"] == []


def test_a_function_does_not_reach_localstack_beside_the_valve(town: Town) -> None:
    town.function("FrontStranger", "stranger")
    port = urlsplit(town.localstack.url).port
    hosts = ("127.0.0.1", "localhost", "localhost.localstack.cloud", "[::1]", "0.0.0.0", socket.gethostname())
    paths = ("/_localstack/health", "/_localstack/info", "/front-people/alice", "/_aws/sqs/messages")
    urls = [f"http://{host}:{port}{path}" for host in hosts for path in paths]
    with urllib.request.urlopen(f"{town.localstack.url}/front-people/alice", timeout=10) as reply:
        assert reply.read().decode() == ALICE  # from outside it is open to everybody
    for mode in ("audit", "enforce"):
        town.mode(mode)
        told, _ = town.invoke("FrontStranger", {"urls": urls})
        assert set(told["found"]) == set(urls)
        assert not [url for url, text in told["found"].items() if ALICE in text or "edition" in text]

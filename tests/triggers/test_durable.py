"""Durable executions: what their steps come to, what they wait for, and what each of them has learned.

Knows them from a whole valve, AWS's own SDK in the functions and AWS's own runner behind. Does not know
what a step is.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.triggers.ground import Ground
from valve_aws.api.reading import Request
from valve_aws.backend import Standing

pytestmark = pytest.mark.slow

CODE = """
import json, os, time
import boto3
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import Duration

DYNAMODB, QUEUES, LAMBDA = (boto3.client(name) for name in ("dynamodb", "sqs", "lambda"))

def read(_=None):
    return DYNAMODB.get_item(TableName=os.environ["PEOPLE"], Key={"id": {"S": "c1"}})["Item"]["email"]["S"]

def send(text):
    return QUEUES.send_message(QueueUrl=os.environ["PUBLIC"], MessageBody=text)["MessageId"]

def tried(call, **params):
    try:
        answer = call(**params)
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    except Exception as error:
        return error.response["Error"]["Code"]

@durable_execution
def order(event, context):
    print("SAW", json.dumps(event), flush=True)
    shown = json.dumps(event)
    first = context.step(lambda _: print("STEP", shown, flush=True) or event["item"], name="first")
    context.wait(Duration.from_minutes(90), name="later")
    price = context.invoke(os.environ["PRICE"], {"item": first}, name="price")
    return {"item": first, "price": price}

def price(event, context):
    return {"of": event["item"], "is": read() if event["item"] == "secret" else 5}

@durable_execution
def leaky(event, context):
    email = context.step(read, name="read") if event["how"] == "step" else ""
    if event["how"] == "price":
        email = context.invoke(os.environ["PRICE"], {"item": "secret"}, name="price")["is"]
    if event["how"] == "child":
        email = context.invoke(os.environ["ORDER"], {"item": "secret"}, name="order")["price"]["is"]
    context.wait(Duration.from_minutes(90), name="later")
    return {"sent": bool(context.step(lambda _: send(email), name="send"))}

@durable_execution
def telling(event, context):
    email = context.step(read, name="read")
    return context.invoke(os.environ["CLEAN"], {"email": email}, name="told")

@durable_execution
def handing(event, context):
    email = event.get("email") or context.step(read, name="read")
    arn = context.execution_context.durable_execution_arn
    print("SAW", json.dumps([arn]), flush=True)
    return context.invoke(os.environ[event["to"]] + event.get("as", ""), {"email": email}, name="handed")

def which(event, context):
    return context.invoked_function_arn.split(":")[7:]

def sending(event, context):
    return send(event["email"]) and "sent"

@durable_execution
def passing(event, context):
    return context.step(lambda _: send(event["email"]) and "sent", name="send")

@durable_execution
def powerless(event, context):
    return context.invoke(os.environ["CLEAN"], event, name="told")

@durable_execution
def returning(event, context):
    return read()

def stopping(event, context):
    error = {"ErrorType": "Stopped", "ErrorMessage": read()}
    return tried(LAMBDA.stop_durable_execution, DurableExecutionArn=event["arn"], Error=error)

@durable_execution
def lasting(event, context):
    print("SAW", json.dumps([context.execution_context.durable_execution_arn]), flush=True)
    time.sleep(5)

@durable_execution
def circling(event, context):
    print("SAW", json.dumps(event), flush=True)
    return context.invoke(os.environ["AGAIN"], {**event, "n": event["n"] + 1}, name="on")

def again(event, context):
    print("SAW", json.dumps(event), flush=True)
    told = json.dumps({**event, "n": event["n"] + 1})
    return json.loads(LAMBDA.invoke(FunctionName=event["to"], Payload=told)["Payload"].read())

def spying(event, context):
    read()
    return tried(LAMBDA.get_durable_execution, DurableExecutionArn=event["arn"])["Status"]

def looking(event, context):
    return send(LAMBDA.get_durable_execution(DurableExecutionArn=event["arn"])["Result"]) and "sent"

def clean(event, context):
    print("SAW", json.dumps(event), flush=True)
    return "told"

@durable_execution
def asking(event, context):
    print("SAW", json.dumps([context.execution_context.durable_execution_arn]), flush=True)
    callback = context.create_callback(name="asked")
    keep = {"id": {"S": "asked"}, "callback": {"S": callback.callback_id}}
    context.step(lambda _: DYNAMODB.put_item(TableName=os.environ["IDS"], Item=keep) and None, name="keep")
    answer = callback.result()
    if event.get("sends"):
        context.step(lambda _: send(answer), name="send")
    return answer

@durable_execution
def failing(event, context):
    raise ValueError("not today")

def answering(event, context):
    found = DYNAMODB.get_item(TableName=os.environ["IDS"], Key={"id": {"S": "asked"}})["Item"]
    told = read() if event.get("reads") else "yes"
    return tried(LAMBDA.send_durable_execution_callback_success,
                 CallbackId=found["callback"]["S"], Result=json.dumps(told))

def meddling(event, context):
    arn = event["arn"]
    state = dict(DurableExecutionArn=arn, CheckpointToken="dG9rZW4=")
    return {
        "state": tried(LAMBDA.get_durable_execution_state, **state),
        "checkpoint": tried(LAMBDA.checkpoint_durable_execution, **state, Updates=[]),
        "astray": tried(LAMBDA.get_durable_execution, DurableExecutionArn=arn.replace(
            arn.split(":")[6], context.function_name)),
        "nobody": tried(LAMBDA.get_durable_execution, DurableExecutionArn=arn[:-4] + "none"),
        "nonsense": tried(LAMBDA.send_durable_execution_callback_success, CallbackId="bm9uc2Vuc2U="),
        "looked": sorted(tried(LAMBDA.get_durable_execution, DurableExecutionArn=arn)),
    }
"""
DURABLE = (
    *("Order", "Leaky", "Telling", "Asking", "Failing", "Handing", "Passing", "Powerless", "Returning"),
    *("Unknowing", "Missing", "Bound", "Lasting", "Circling"),
)
PLAIN = (
    "Price",
    "Clean",
    "Answering",
    "Meddling",
    "Sending",
    "Looking",
    "Closed",
    "Stopping",
    "Again",
    "Spying",
    "Which",
)
NAMED = {"PRICE": "Price", "ORDER": "Order", "CLEAN": "Clean", "SENDING": "Sending", "PASSING": "Passing"}
NAMED |= {"CLOSED": "Closed", "AGAIN": "Again", "WHICH": "Which"}


def function(name: str) -> dict[str, Any]:
    told: dict[str, Any] = {"Handler": f"app.{name.lower()}"}
    if name == "Unknowing":
        told["Handler"] = "app.asking"
    if name == "Closed":
        told["Handler"] = "app.clean"
    if name == "Bound":
        told["Handler"] = "app.powerless"
    if name == "Which":
        told["AutoPublishAlias"] = "live"
    if name == "Missing":
        told["Handler"] = "nowhere.handler"
    if name in DURABLE:
        told["DurableConfig"] = {"ExecutionTimeout": 86400, "RetentionPeriodInDays": 1}
    named = {} if name in NAMED.values() else NAMED
    if name == "Order":
        named = {"PRICE": "Price"}
    told["Environment"] = {"Variables": {key: {"Ref": of} for key, of in named.items()}}
    told["Policies"] = ["AmazonDynamoDBFullAccess", "AmazonSQSFullAccess"]
    told["Policies"] += [] if name == "Powerless" else ["AWSLambda_FullAccess"]
    return {"Type": "AWS::Serverless::Function", "Properties": told}


TABLE = {
    "Type": "AWS::Serverless::SimpleTable",
    "Properties": {"PrimaryKey": {"Name": "id", "Type": "String"}},
}
TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Globals": {
        "Function": {
            "CodeUri": "src",
            "Runtime": "python3.13",
            "Timeout": 30,
            "Environment": {
                "Variables": {name.upper(): {"Ref": name} for name in ("People", "Ids", "Public")}
            },
        }
    },
    "Resources": {
        **{name: function(name) for name in DURABLE + PLAIN},
        "People": TABLE,
        "Ids": TABLE,
        "Public": {"Type": "AWS::SQS::Queue"},
    },
}
POLICY = """
version: 1
labels: {pii: {}}
stores:
  People: {holds: [pii]}
functions:
  Clean: {clearance: []}
  Unknowing: {clearance: []}
  Closed: {from: [Order]}
  Bound: {invokes: [Price]}
  Asking: {writes: [Ids, Public], from: [Answering, Order]}
"""
EMAIL = "alice@example.org"
FILES = {
    "template.yaml": json.dumps(TEMPLATE),
    "src/app.py": CODE,
    "valve.yaml": POLICY,
    "seed.yaml": f"People: [{{id: c1, email: {EMAIL}}}]\n",
}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    cloud = Standing()
    with Ground(tmp_path_factory.mktemp("audited"), FILES, cloud, "audit") as ground:
        yield ground
    cloud.end()


def seen(ground: Ground) -> list[Any]:
    return ground.printed("SAW ")


def named(ground: Ground) -> str:
    """Return the ARN of the one execution that has said it. Why of lists alone: what another test began may
    still be printing."""
    (arn,) = {event[0] for event in seen(ground) if isinstance(event, list)}
    return str(arn)


def refused(ground: Ground) -> set[tuple[str, str]]:
    return {(record.function, record.operation) for record in ground.valve.refusals}


class Waiting:
    """An event that is under way on a thread of its own."""

    def __init__(self, ground: Ground, name: str, event: Any) -> None:
        self.came: list[Any] = []
        self._thread = threading.Thread(target=lambda: self.came.append(ground.invoke(name, event)))
        self._thread.start()
        self._ground = ground

    def callback(self) -> str:
        """Return the id under which it waits, once the operator is told of it."""
        for _ in range(600):
            told = [line for line in self._ground.said if "waits for the callback" in line]
            if told:
                return told[-1].rpartition(" ")[2]
            threading.Event().wait(0.05)
        raise AssertionError(self._ground.said)

    def end(self) -> Any:
        """Return what it came to."""
        self._thread.join(60)
        assert self.came, self._ground.said
        return self.came[0]


def test_each_step_runs_once_and_what_is_waited_for_passes_in_no_time(ground: Ground) -> None:
    assert ground.invoke("Order", {"item": "book"}) == {"item": "book", "price": {"of": "book", "is": 5}}
    assert ground.printed("STEP ") == [{"item": "book"}]
    assert len(seen(ground)) > 1, "nothing was waited for"
    assert {json.dumps(event) for event in seen(ground)} == {'{"item": "book"}'}


def test_an_execution_that_fails_fails_with_the_function_s_own_error(ground: Ground) -> None:
    assert ground.invoke("Failing") == {"errorType": "ValueError", "errorMessage": "not today"}


def test_a_durable_function_that_breaks_ends_as_every_function_does(ground: Ground) -> None:
    assert ground.invoke("Missing")["errorType"] == "Runtime.ImportModuleError"
    assert len(ground.events("Missing")) == 1, "it was tried again, and will never start"


WAYS = ("step", "price", "child")
"""How an execution comes to know what it then sends: by a step, by a function that it invokes, by another
execution that it invokes."""


@pytest.mark.parametrize("how", WAYS)
def test_what_an_execution_learned_before_it_waited_leaves_with_nobody_looking(
    audited: Ground, how: str
) -> None:
    audited.call(audited.valve.renew())
    assert audited.invoke("Leaky", {"how": how}) == {"sent": True}
    assert [message["Body"] for message in audited.taken("Public")] == [EMAIL]
    assert [r.writes for r in audited.valve.records if r.operation == "SendMessage"] == [frozenset({"pii"})]


@pytest.mark.parametrize("how", WAYS)
def test_what_an_execution_learned_before_it_waited_does_not_leave(ground: Ground, how: str) -> None:
    came = ground.invoke("Leaky", {"how": how})
    assert "sent" not in came
    assert not ground.taken("Public")
    assert ("Leaky", "SendMessage") in refused(ground)


def test_whom_a_step_invokes_is_judged_before_anybody_is_invoked(audited: Ground, ground: Ground) -> None:
    audited.call(audited.valve.renew())
    audited.lines.clear()
    assert audited.invoke("Telling") == "told"
    assert seen(audited) == [{"email": EMAIL}]
    assert ground.invoke("Telling") != "told"
    assert seen(ground) == []
    assert ("Telling", "CheckpointDurableExecution") in refused(ground)


@pytest.mark.parametrize("to", ["SENDING", "PASSING"])
def test_whom_a_step_invokes_knows_what_the_execution_knew(audited: Ground, ground: Ground, to: str) -> None:
    audited.call(audited.valve.renew())
    assert audited.invoke("Handing", {"to": to}) == "sent"
    assert [message["Body"] for message in audited.taken("Public")] == [EMAIL]
    assert ground.invoke("Handing", {"to": to}) != "sent"
    assert not ground.taken("Public")
    assert (to.title(), "SendMessage") in refused(ground)


def test_what_another_execution_invoked_with_the_same_payload_is_none_of_this_one_s(ground: Ground) -> None:
    assert ground.invoke("Handing", {"to": "SENDING"}) != "sent"
    assert ground.invoke("Handing", {"to": "SENDING", "email": EMAIL}) == "sent"
    assert [message["Body"] for message in ground.taken("Public")] == [EMAIL]


@pytest.mark.parametrize("alias", ["", ":live", ":1"])
def test_a_step_invokes_the_version_that_it_names_and_is_told_of_it_so(ground: Ground, alias: str) -> None:
    async def made() -> Any:
        return ground.valve.lambda_api()

    api = ground.call(made())
    assert ground.invoke("Handing", {"to": "WHICH", "email": "-", "as": alias}) == alias.split(":")[1:]
    there = "durable-executions/" + named(ground).replace("/", "%2F").replace("$", "%24")
    status, told = asked(ground, api, "GET", f"{there}/history")
    kind = "ChainedInvokeStartedDetails"
    (name,) = [each[kind]["FunctionName"] for each in told["Events"] if kind in each]
    assert status == 200
    assert "-which-" in name
    assert name.split(":")[1:] == alias.split(":")[1:]


def test_a_step_invokes_whom_the_role_of_its_function_may_invoke(audited: Ground, ground: Ground) -> None:
    audited.call(audited.valve.renew())
    assert audited.invoke("Powerless") == "told"
    assert ground.invoke("Powerless") != "told"
    assert refused(ground) == {("Powerless", "CheckpointDurableExecution")}


def test_a_step_invokes_whom_the_policy_lets_its_function_invoke(audited: Ground, ground: Ground) -> None:
    audited.call(audited.valve.renew())
    assert audited.invoke("Handing", {"to": "CLOSED"}) == "told"
    assert ground.invoke("Handing", {"to": "CLOSED"}) != "told"
    assert ("Handing", "CheckpointDurableExecution") in refused(ground)
    assert "from" in {str(reason.rule) for each in ground.valve.refusals for reason in each.reasons}


def test_a_step_invokes_whom_its_function_invokes_by_the_policy(audited: Ground, ground: Ground) -> None:
    audited.call(audited.valve.renew())
    assert audited.invoke("Bound") == "told"
    assert ground.invoke("Bound") != "told"
    assert {str(reason.rule) for each in ground.valve.refusals for reason in each.reasons} == {"invokes"}


def test_what_is_learned_outside_of_a_step_is_in_the_result(audited: Ground, ground: Ground) -> None:
    audited.call(audited.valve.renew())
    assert audited.invoke("Returning") == EMAIL
    assert EMAIL not in str(ground.invoke("Returning"))
    assert ("Returning", "Result") in refused(ground)


def test_who_looks_at_an_execution_learns_what_it_knew(audited: Ground, ground: Ground) -> None:
    for there in (audited, ground):
        there.call(there.valve.renew())
        there.said.clear()
        there.lines.clear()
        waiting = Waiting(there, "Asking", {})
        waiting.callback()
        there.invoke("Answering", {"reads": True})
        waiting.end()
        arn = named(there)
        there.invoke("Looking", {"arn": arn})
        left = [message["Body"] for message in there.taken("Public")]
        assert any(EMAIL in each for each in left) is (there is audited)


def test_who_only_looks_at_an_execution_puts_nothing_into_it(ground: Ground) -> None:
    waiting = Waiting(ground, "Asking", {})
    waiting.callback()
    arn = named(ground)
    ground.invoke("Spying", {"arn": arn})
    assert any(r.operation == "GetDurableExecution" and r.label for r in ground.valve.records)
    ground.invoke("Answering")
    assert waiting.end() == '"yes"'


def test_an_answer_goes_to_an_execution_whose_function_may_have_it(audited: Ground, ground: Ground) -> None:
    for there in (audited, ground):
        there.call(there.valve.renew())
        there.said.clear()
        waiting = Waiting(there, "Unknowing", {})
        waiting.callback()
        there.invoke("Answering", {"reads": True})
        if there is ground:
            assert ("Answering", "SendDurableExecutionCallbackSuccess") in refused(ground)
            there.invoke("Answering")
        came = waiting.end()
        assert (EMAIL in str(came)) is (there is audited)


def test_how_an_execution_ended_carries_what_whoever_ended_it_knew(audited: Ground, ground: Ground) -> None:
    for there in (audited, ground):
        there.call(there.valve.renew())
        there.said.clear()
        there.lines.clear()
        waiting = Waiting(there, "Lasting", {})
        while not seen(there):
            threading.Event().wait(0.05)
        there.invoke("Stopping", {"arn": seen(there)[0][0]})
        came = waiting.end()
        assert (came["errorType"] == "DurableExecution.Stopped") is (there is audited), came
    assert ("Lasting", "Result") in refused(ground)


def test_a_durable_function_gives_no_piece_of_what_it_tells_its_runner(ground: Ground) -> None:
    async def taken() -> bytes:
        stream = await ground.valve.stream("Order", json.dumps({"item": "book"}).encode())
        return b"".join([piece async for piece in stream if isinstance(piece, bytes)])

    assert json.loads(ground.call(taken()))["item"] == "book"


def test_what_goes_round_by_steps_ends(ground: Ground) -> None:
    came = ground.invoke("Circling", {"n": 0, "to": ground.valve.stack.functions["Circling"].name})
    assert came["errorMessage"] == "the function is being invoked in a loop"
    assert 8 < max(event["n"] for event in seen(ground)) < 40


def test_a_function_answers_what_an_execution_waits_for(ground: Ground) -> None:
    waiting = Waiting(ground, "Asking", {})
    waiting.callback()
    assert ground.invoke("Answering") == {}
    assert waiting.end() == '"yes"'
    assert not refused(ground)


def test_what_answers_an_execution_brings_its_label_along(audited: Ground, ground: Ground) -> None:
    for there in (audited, ground):
        there.call(there.valve.renew())
        there.said.clear()
        waiting = Waiting(there, "Asking", {"sends": True})
        waiting.callback()
        there.invoke("Answering", {"reads": True})
        came = waiting.end()
        left = [json.loads(message["Body"]) for message in there.taken("Public")]
        assert left == ([EMAIL] if there is audited else [])
        assert (EMAIL in str(came)) is (there is audited)


def test_nobody_else_says_what_the_steps_of_an_execution_have_come_to(ground: Ground) -> None:
    waiting = Waiting(ground, "Asking", {})
    waiting.callback()
    arn = named(ground)
    assert ":function:" in arn
    meddled = ground.invoke("Meddling", {"arn": arn})
    assert "looked" in meddled, (meddled, ground.said)
    looked = meddled.pop("looked")
    assert meddled == {
        "state": "ResourceNotFoundException",
        "checkpoint": "ResourceNotFoundException",
        "astray": "ResourceNotFoundException",
        "nobody": "ResourceNotFoundException",
        "nonsense": "AccessDenied",
    }
    assert "Status" in looked
    ground.invoke("Answering")
    assert waiting.end() == '"yes"'


def asked(ground: Ground, api: Any, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """Ask the Lambda API as the operator does."""
    answer = ground.call(api.answer(Request(method, f"/2025-12-01/{path}", {}, body)))
    return answer.status, json.loads(answer.body or b"null")


def test_the_operator_looks_at_an_execution_and_answers_what_it_waits_for(ground: Ground) -> None:
    async def made() -> Any:
        return ground.valve.lambda_api()

    api = ground.call(made())
    waiting = Waiting(ground, "Asking", {})
    callback = waiting.callback().replace("/", "%2F").replace("+", "%2B")
    arn = named(ground)
    there = "durable-executions/" + arn.replace("/", "%2F").replace("$", "%24")
    status, told = asked(ground, api, "GET", there)
    assert (status, told["Status"], told["DurableExecutionArn"]) == (200, "RUNNING", arn)
    assert asked(ground, api, "GET", there[:-4] + "none")[0] == 404
    answered = asked(ground, api, "POST", f"durable-execution-callbacks/{callback}/succeed", b'"fine"')
    assert answered[0] == 200
    assert waiting.end() == '"fine"'
    assert asked(ground, api, "GET", there)[1]["Status"] == "SUCCEEDED"


def test_what_an_execution_knows_is_not_told_to_an_operator_who_may_not_have_it(
    audited: Ground, ground: Ground
) -> None:
    for there in (audited, ground):
        there.call(there.valve.renew())
        there.said.clear()
        there.lines.clear()

        async def made(there: Ground = there) -> Any:
            return there.valve.lambda_api()

        api = there.call(made())
        waiting = Waiting(there, "Asking", {})
        waiting.callback()
        there.invoke("Answering", {"reads": True})
        waiting.end()
        arn = named(there)
        path = "durable-executions/" + arn.replace("/", "%2F").replace("$", "%24")
        status, told = asked(there, api, "GET", path)
        assert (status == 200 and EMAIL in told["Result"]) is (there is audited)


def test_a_run_that_begins_anew_knows_no_execution_of_the_one_before(ground: Ground) -> None:
    assert ground.invoke("Order", {"item": "book"})["item"] == "book"
    executions = ground.valve._invoking.executions
    assert executions._known
    ground.call(ground.valve.renew())
    assert not executions._known
    assert ground.invoke("Order", {"item": "pen"})["item"] == "pen"


def test_without_the_runner_a_durable_function_is_told_what_it_needs(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    from valve_aws.backend.durable import Runner
    from valve_aws.model.source import Invalid

    monkeypatch.setattr(Runner, "installed", staticmethod(lambda: False))
    with pytest.raises(Invalid, match=r"valve-aws\[durable\]"):
        ground.invoke("Order", {"item": "book"})


def test_a_runner_that_has_ended_is_started_again(ground: Ground) -> None:
    assert ground.invoke("Order", {"item": "book"})["item"] == "book"
    runner = ground.valve._invoking.executions._runner
    assert runner is not None

    async def end() -> None:
        await asyncio.to_thread(runner.stop)

    ground.call(end())
    assert ground.invoke("Order", {"item": "pen"})["item"] == "pen"


def test_nobody_but_the_runner_has_a_function_invoked_by_its_door(ground: Ground) -> None:
    assert ground.invoke("Order", {"item": "book"})["item"] == "book"
    door = ground.valve._invoking.executions.address
    stranger = boto3.client(
        "lambda", endpoint_url=door, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with pytest.raises(stranger.exceptions.ClientError, match="403"):
        stranger.invoke(FunctionName=ground.valve.stack.functions["Price"].name, Payload=b'{"item": "book"}')


def test_the_runner_ends_with_its_valve(tmp_path: Path) -> None:
    cloud = Standing()
    with Ground(tmp_path, FILES, cloud, "audit") as ground:
        assert ground.invoke("Order", {"item": "book"})["item"] == "book"
        runner = ground.valve._invoking.executions._runner
        assert runner is not None
        assert runner.alive()
    assert not runner.alive()
    cloud.end()

"""How an event comes in decides who may be told of its outcome, and each of them is judged.

Knows what a function came to, which is given here, with a real policy and a real book. Needs no LocalStack.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from valve_aws import policy, text
from valve_aws.course.commands import Forward
from valve_aws.localstack.arrival import Arrival
from valve_aws.localstack.front import Door, Front, Served
from valve_aws.localstack.keeper import as_stack
from valve_aws.localstack.marks import Marks
from valve_aws.model.call import Call, Effect
from valve_aws.model.cell import one
from valve_aws.model.ports import Outcome, Rise
from valve_aws.model.stack import Function
from valve_aws.model.verdict import Holding
from valve_aws.running.housing import Run
from valve_aws.settings import Settings

ACCOUNT, REGION = "000000000000", "us-east-1"
PII = frozenset({"pii"})
JOBS, OTHER, NARROW, WIDE, DEAD = (
    f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in ("jobs", "other", "narrow", "wide", "dead")
)
WORKER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Worker"
POLICY = "version: 1\nmode: enforce\nlabels: {pii: {}}\n"


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


RESOURCES = {
    "Worker": resource(
        "Lambda::Function",
        FunctionName="Worker",
        Runtime="python3.12",
        Handler="a.b",
        Code={"ZipFile": ""},
        DeadLetterConfig={"TargetArn": NARROW},
    ),
    "mapping": resource("Lambda::EventSourceMapping", FunctionName="Worker", EventSourceArn=JOBS),
    "wider": resource(
        "Lambda::EventInvokeConfig",
        FunctionName="Worker",
        DestinationConfig={"OnFailure": {"Destination": WIDE}},
    ),
    "jobs": resource("SQS::Queue", QueueName="jobs", RedrivePolicy={"deadLetterTargetArn": DEAD}),
    **{name: resource("SQS::Queue", QueueName=name) for name in ("other", "narrow", "wide", "dead")},
    "lake": resource("KinesisFirehose::DeliveryStream", DeliveryStreamName="lake"),
}
MACHINE = resource(
    "StepFunctions::StateMachine", StateMachineName="m", DefinitionString=f'{{"R": "{WORKER}"}}'
)


class Scripted(Front):
    """A front whose functions come to what the test says."""

    failed = False
    carried: Holding

    async def _started(
        self,
        function: Function,
        came: Arrival,
        payload: bytes,
        carried: Holding,
        door: Door,
        first: bool = True,
    ) -> Run:
        self.carried = carried
        return Run(b'"alice"', self.failed, PII, (), None)


def served(
    folder: Path, came: Arrival, accepting: str, failed: bool = False, **more: Any
) -> tuple[Served, Scripted]:
    """Serve one event under a policy in which those stores accept the label."""

    async def course() -> tuple[Served, Scripted]:
        stack = as_stack(json.dumps({"Resources": RESOURCES | more}), folder / "told.json", ACCOUNT, REGION)
        stores = ", ".join(f"{name}: {{accepts: [pii]}}" for name in accepting.split())
        written = f"{POLICY}stores: {{{stores}}}\n"
        settings = Settings(
            account=ACCOUNT, region=REGION, backend="http://127.0.0.1:1", audit=folder / "audit"
        )
        flow = policy.read(text.parse(written, "valve.yaml"), stack, "valve.yaml")
        front = Scripted(settings, stack, flow, [].append, Marks(lambda n: b"\1" * n, lambda: 0.0))
        front.failed = failed
        await front.open()
        try:
            book = front.passage.book
            assert book.raise_(
                "r-0", [Rise(one(queue, "m1"), PII) for queue in (JOBS, OTHER)], (), book.stamp()
            )
            book.settle("r-0", Outcome.DONE)
            call = Call("lambda", "Invoke", REGION, (WORKER,), Effect(), {})
            front.marks.marks(Forward("r-1", call, PII))
            return await front.serve(stack.functions["Worker"], came), front
        finally:
            await front.close()

    return asyncio.run(course())


def event(payload: Any = None, trace: str = "", **said: Any) -> Arrival:
    return Arrival("i", WORKER, json.dumps(payload or {}).encode(), trace, **{"seen": True, **said})


def batch(queue: str) -> dict[str, Any]:
    return {"Records": [{"eventSource": "aws:sqs", "eventSourceARN": queue, "messageId": "m1", "body": ""}]}


@pytest.mark.parametrize(
    ("accepting", "again"), [("jobs dead", True), ("jobs", False), ("dead", False), ("other", False)]
)
def test_a_batch_comes_again_only_where_its_source_and_where_that_leads_take_the_label(
    tmp_path: Path, accepting: str, again: bool
) -> None:
    told, _ = served(tmp_path, event(batch(JOBS), internal=True), accepting, failed=True)
    assert told.failed is again


def test_what_looks_like_a_batch_of_no_source_of_the_function_s_is_no_batch(tmp_path: Path) -> None:
    came = event(batch(OTHER), internal=True)
    told, _ = served(tmp_path, came, "other", failed=True, m=MACHINE)
    assert (told.failed, b"ResultRefused" in told.payload) == (True, True)


@pytest.mark.parametrize(
    ("accepting", "withheld"), [("narrow wide", False), ("wide", True), ("narrow", True)]
)
def test_of_all_who_may_be_told_of_an_event_one_that_does_not_take_the_label_is_enough(
    tmp_path: Path, accepting: str, withheld: bool
) -> None:
    told, _ = served(tmp_path, event(asynchronous=True), accepting)
    assert (told.withheld, b"alice" in told.payload) == (withheld, not withheld)


def test_nobody_waits_for_a_call_s_event_that_is_asynchronous(tmp_path: Path) -> None:
    trace = f"Root=1-00000000-{'01' * 12}"
    told, front = served(tmp_path, event(trace=trace), "")
    assert (told.payload, front.carried.label) == (b'"alice"', PII)
    told, _ = served(tmp_path, event(trace=trace, asynchronous=True), "")
    assert (told.withheld, b"alice" in told.payload) == (True, False)


def test_what_goes_on_where_its_way_is_not_followed_is_adrift(tmp_path: Path) -> None:
    came = event({"records": []}, internal=True)
    told, front = served(tmp_path, came, "lake")
    assert (told.payload, front.marks.adrift) == (b'"alice"', PII)
    told, front = served(tmp_path, came, "")
    assert (b"alice" in told.payload, front.marks.adrift) == (False, frozenset())


@pytest.mark.parametrize(
    "said",
    [
        {"asynchronous": True, "payload": {"Records": [{"eventSource": "aws:kafka"}]}},
        {"asynchronous": True, "internal": True, "principal": "s3"},
        {"seen": False},
    ],
)
def test_of_an_event_that_cannot_be_told_nobody_is_told(tmp_path: Path, said: dict[str, Any]) -> None:
    told, front = served(tmp_path, event(**said), "narrow wide")
    assert (front.carried.complete, told.withheld, told.failed) == (False, True, False)

"""What an event carries beside the cells that it names is told by the way that it comes, or is not told.

Knows the stack that LocalStack is told as, and a real book. Needs no LocalStack.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from valve_aws import policy, text
from valve_aws.course.carry import Court
from valve_aws.course.commands import Forward
from valve_aws.flow import Judge
from valve_aws.labels import SqliteBook
from valve_aws.localstack.arrival import Arrival, Taken
from valve_aws.localstack.keeper import as_stack
from valve_aws.localstack.marks import Marks
from valve_aws.localstack.origins import Origins
from valve_aws.model.call import Call, Effect
from valve_aws.model.cell import Extent, Span, one
from valve_aws.model.label import Label
from valve_aws.model.ports import Outcome, Rise
from valve_aws.model.verdict import Holding, Mode
from valve_aws.passage.driver import Passage

ACCOUNT, REGION = "000000000000", "us-east-1"
PII = frozenset({"pii"})


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def machine(*named: str, **more: Any) -> dict[str, Any]:
    steps = {name: {"Type": "Task", "Resource": name, **more} for name in named}
    definition = json.dumps({"States": steps})
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": definition}}


def rule(bus: str, target: str = "function:Worker") -> dict[str, Any]:
    targets = [{"Id": "1", "Arn": arn("lambda" if target.startswith("function") else "states", target)}]
    given = {"Name": f"on-{bus}", "EventBusName": bus, "EventPattern": {}, "Targets": targets}
    return {"Type": "AWS::Events::Rule", "Properties": given}


WORKER = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "FunctionName": "Worker",
        "Runtime": "python3.12",
        "Handler": "a.b",
        "Code": {"ZipFile": ""},
    },
}
POLICY = "version: 1\nlabels: {pii: {}}\nstores: {inner: {accepts: [pii]}, outer: {accepts: [pii]}}\n"


class Place:
    """A stack with its book, and the origins of its events."""

    def __init__(self, bus: str = "default", **more: Any) -> None:
        resources = {"Worker": WORKER, "inner": machine("Worker"), "outer": machine("inner"), **more}
        for name in ("inner", "outer", "strange"):
            if name in resources:
                resources[name]["Properties"]["StateMachineName"] = name
        resources["rule"] = rule(bus)
        self.stack = as_stack(json.dumps({"Resources": resources}), Path("told.json"), ACCOUNT, REGION)
        judge = Judge(policy.read(text.parse(POLICY, "valve.yaml"), self.stack, "valve.yaml"), self.stack)
        self.book = SqliteBook(":memory:", "one", sole=False)
        passage = SimpleNamespace(
            stack=self.stack, book=self.book, court=Court(judge, Mode.ENFORCE, ACCOUNT, REGION)
        )
        self.marks = Marks(lambda size: b"\0" * size, lambda: 0.0)
        self.origins = Origins(cast(Passage, passage), self.marks)

    def put(self, store: str, label: Label = PII) -> None:
        """Have a function put something into a store."""
        assert self.book.raise_("r-1", [Rise(Extent(store, span=Span.NEW), label)], (), self.book.stamp())

    def written(self, record: str, *rises: Rise) -> None:
        """Have a call write, and be done."""
        assert self.book.raise_(record, rises, (), self.book.stamp())
        self.book.settle(record, Outcome.DONE)

    def beside(self, payload: Any = None, **said: Any) -> Holding:
        came = Arrival(
            "i", "", json.dumps(payload or {}).encode(), **{"seen": True, "internal": True, **said}
        )
        return asyncio.run(self.origins.beside(self.stack.functions["Worker"], came))


INNER, OUTER, STRANGE = (arn("states", f"stateMachine:{name}") for name in ("inner", "outer", "strange"))


@pytest.mark.parametrize("store", [INNER, OUTER])
def test_what_was_put_into_a_machine_comes_out_of_those_that_it_starts(store: str) -> None:
    place = Place(strange=machine("Other"))
    place.put(STRANGE)
    assert place.beside().label == frozenset()
    place.put(store)
    assert place.beside().label == PII


def test_a_machine_that_computes_whom_it_runs_may_run_anybody() -> None:
    place = Place(strange=machine("x", **{"StateMachineArn.$": "$.whom"}))
    place.put(STRANGE)
    assert place.beside().label == PII


@pytest.mark.parametrize(("bus", "label"), [("default", PII), ("own", frozenset())])
def test_the_default_bus_is_told_of_every_execution(bus: str, label: Label) -> None:
    place = Place(bus)
    place.put(INNER)
    assert place.beside(principal="events").label == label


def test_what_a_bus_holds_comes_with_an_event_that_nobody_marked() -> None:
    place = Place("own")
    place.put(arn("events", "event-bus/own"))
    assert place.beside(principal="events").label == PII


def test_what_is_to_be_transformed_may_be_all_that_a_delivery_stream_holds() -> None:
    stream = {"Type": "AWS::KinesisFirehose::DeliveryStream", "Properties": {"DeliveryStreamName": "flow"}}
    place = Place(flow=stream)
    place.put(arn("firehose", "deliverystream/flow"))
    assert place.beside({"records": [{"data": "eA=="}]}).label == PII
    assert place.beside({"more": []}).label == frozenset()


URL = {"routeKey": "$default", "requestContext": {"domainPrefix": "abc"}}


@pytest.mark.parametrize(("payload", "known"), [(URL, True), ({}, False), ({"routeKey": "$default"}, False)])
def test_of_an_event_whose_request_is_forgotten_nobody_can_tell_what_it_carries(
    payload: Any, known: bool
) -> None:
    place = Place()
    place.marks.adrift = PII
    told = place.beside(payload, seen=False, internal=False)
    assert (told.label, told.complete) == (PII, known)


def test_what_a_function_had_learned_comes_with_the_event_that_tells_of_it() -> None:
    place = Place()
    place.origins.ended("r1", Holding(PII))
    told = {"requestContext": {"requestId": "r1"}}
    assert place.beside(told, principal="lambda") == Holding(PII, True, ())
    assert not place.beside({"requestContext": {"requestId": "r2"}}, principal="lambda").complete


def test_what_others_deliver_to_a_machine_may_be_all_that_it_may_hold() -> None:
    place = Place("own")
    assert place.beside().label == frozenset()
    delivered = Place("own", starts=rule("other", "stateMachine:inner"))
    assert delivered.beside().label == PII


@pytest.mark.parametrize("principal", ["", "events", "lambda"])
def test_what_is_adrift_joins_whatever_localstack_brings(principal: str) -> None:
    place = Place("own")
    place.origins.ended("r1", Holding())
    place.marks.adrift = PII
    assert place.beside({"requestContext": {"requestId": "r1"}}, principal=principal) == Holding(PII)


def test_what_arrives_before_the_call_that_sent_it_is_settled_waits_for_it() -> None:
    place, cell = Place(strange=machine("Other")), one(STRANGE, "new")
    call = Call("stepfunctions", "StartExecution", REGION, (STRANGE,), Effect(changes=(cell,)), {})
    place.marks.marks(Forward("r-1", call, PII))

    async def arrived() -> Holding:
        found = asyncio.ensure_future(place.origins.carried([Taken(STRANGE, (cell,))]))
        await asyncio.sleep(0)
        assert not found.done()
        place.written("r-1", Rise(cell, PII))
        place.marks.settled("r-1")
        place.origins.settled.set()
        return await found

    assert asyncio.run(arrived()).label == PII


def test_a_record_has_the_label_of_what_it_may_show_as_it_was_before() -> None:
    place, cell = Place(strange=machine("Other")), one(STRANGE, "again")
    place.written("r-1", Rise(cell, PII))
    place.written("r-2", Rise(cell, frozenset(), replaces=True))
    assert place.book.held([cell])[cell].label == frozenset()
    assert asyncio.run(place.origins.carried([Taken(STRANGE, (cell,))])).label == PII


def test_a_batch_has_what_all_its_records_have() -> None:
    place = Place()
    place.written("r-1", Rise(one(INNER, "plain"), frozenset()), Rise(one(INNER, "read"), PII))
    both = [Taken(INNER, (one(INNER, name),)) for name in ("plain", "read")]
    assert asyncio.run(place.origins.carried(both[:1])).label == frozenset()
    assert asyncio.run(place.origins.carried(both)).label == PII


def test_what_the_book_does_not_know_has_its_store_s_ceiling() -> None:
    place = Place()
    known, other = one(INNER, "known"), one(INNER, "other")
    assert place.book.raise_("r-2", [Rise(known, frozenset())], (), place.book.stamp())
    carried = [asyncio.run(place.origins.carried([Taken(INNER, (cell,))])).label for cell in (known, other)]
    assert carried == [frozenset(), PII]

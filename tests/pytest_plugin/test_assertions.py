"""When an assertion passes and when it fails, asked of records alone.

Knows records and what a test says of them. Does not run anything; `test_fixtures` does.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from tests.report.test_flows import BUCKET, PII, POLICY, QUEUE, READ, SENT, STACK, STOPPED, record
from valve_aws.canary import Lookout, Place, hatch
from valve_aws.model.record import Record
from valve_aws.model.verdict import Mode, Reason, Rule
from valve_aws.pytest_plugin.canary import Canary
from valve_aws.pytest_plugin.cloud import InProcess
from valve_aws.pytest_plugin.flows import ValveFlows
from valve_aws.report.flows import Flows, Line

FLOCK = hatch(random.Random(4).randbytes)

LOGGED = record("r-9", "valve", "Log", verdict="refuse", reasons=(Reason(Rule.LOG, "logs take nothing"),))


def asserting(*records: Record, **more: Any) -> ValveFlows:
    flows = Flows(records, STACK, POLICY, **more)
    return ValveFlows(lambda: flows)


AUDITED = replace(STOPPED, mode=Mode.AUDIT)
CALLS = {"dynamodb:GetItem", "sqs:SendMessage"}


@pytest.mark.parametrize(
    ("flows", "told"),
    [
        (asserting(READ, SENT), "it did, once"),
        (asserting(READ, STOPPED), "it was tried once, and stopped"),
        (asserting(READ, AUDITED), "it did, once"),
        (asserting(READ, SENT, STOPPED), "it did, 2 times, of which once it was stopped"),
    ],
)
def test_what_went_there_or_tried_to_fails_the_assertion_that_it_does_not(
    flows: ValveFlows, told: str
) -> None:
    flows.assert_flow("pii", to="Jobs")
    with pytest.raises(AssertionError, match=told):
        flows.assert_no_flow("pii", to="Jobs", vacuous_ok=True)
    assert [record.resources for record in flows.forbidden] == [(QUEUE,)] * len(flows.forbidden) != []


def test_a_line_that_left_whole_is_a_flow_to_the_logs() -> None:
    written = asserting(READ, lines=[Line("Worker", PII, "mail alice")])
    written.assert_flow("pii", to="logs")
    with pytest.raises(AssertionError, match="mail alice"):
        written.assert_no_flow("pii", to="logs")
    with pytest.raises(AssertionError, match="was to flow to `logs`"):
        asserting(READ).assert_flow("pii", to="logs")


def test_where_nothing_was_shown_an_assertion_fails() -> None:
    clean = asserting(replace(READ, label=frozenset(), joined=frozenset(), ways=()))
    with pytest.raises(AssertionError, match="nothing carried `pii`"):
        clean.assert_no_flow("pii", to="Jobs")
    clean.assert_no_flow("pii", to="Jobs", vacuous_ok=True)
    with pytest.raises(AssertionError, match="was not run"):
        asserting().assert_only_calls("Worker", CALLS)
    with pytest.raises(AssertionError, match="was to flow to `Archive`"):
        asserting(READ, SENT).assert_flow("pii", to="Archive")


def test_calls_and_refusals_that_were_not_named_fail_the_assertion() -> None:
    flows = asserting(READ, STOPPED, replace(STOPPED, ident="r-4"))
    flows.assert_only_calls("Worker", CALLS)
    with pytest.raises(AssertionError, match="not among those allowed"):
        flows.assert_only_calls("Worker", {"dynamodb:GetItem"})
    flows.assert_refused("Worker", "sqs:SendMessage", to="Jobs", tag="pii", rule="accepts", times=2)
    with pytest.raises(AssertionError, match="it was refused 2 times, not once"):
        flows.assert_refused("Worker", times=1)
    for other in ({"to": "Archive"}, {"rule": "clearance"}, {"call": "s3:PutObject"}):
        with pytest.raises(AssertionError, match="nothing that fits was refused"):
            flows.assert_refused(**other)
    with pytest.raises(AssertionError, match="would have been, in `enforce`"):
        asserting(READ, AUDITED).assert_refused("Worker")


def test_a_decoy_in_parts_is_meant_where_every_part_was_to_go() -> None:
    parts = FLOCK.secret_key.value[:15].encode(), FLOCK.secret_key.value[15:30].encode()
    for stores, failed in (((QUEUE, QUEUE), 0), ((QUEUE, BUCKET), 1), ((BUCKET, QUEUE), 1)):
        lookout = Lookout(FLOCK)
        canary = Canary(lookout, InProcess(lambda: STACK), lambda: Flows((), STACK, POLICY))
        canary.allow(to="Jobs")
        for store, part in zip(stores, parts, strict=True):
            lookout.look(Place("Worker", "sqs", "SendMessage", (store,)), "its body", part)
        assert len(lookout.sightings) == 1
        assert len(canary.close()) == failed, stores


def test_what_was_not_kept_may_have_been_the_flow() -> None:
    whole, rest = asserting(READ, STOPPED), asserting(READ, STOPPED, dropped=3)
    whole.assert_no_flow("pii", to="Archive")
    whole.assert_only_calls("Worker", CALLS)
    whole.assert_refused("Worker", times=1)
    with pytest.raises(AssertionError, match="3 of this test's decisions are not kept any more"):
        rest.assert_no_flow("pii", to="Archive", vacuous_ok=True)
    with pytest.raises(AssertionError, match="not kept"):
        rest.assert_only_calls("Worker", CALLS)
    with pytest.raises(AssertionError, match="not kept"):
        rest.assert_refused("Worker", times=1)
    rest.assert_refused("Worker")


def test_what_another_function_answered_last_was_learned_too() -> None:
    """No record of the one that asked comes after that answer."""
    other = replace(READ, function="Other", environment="Other-1")
    asking = replace(READ, ident="r-0", label=frozenset(), joined=frozenset(), operation="Invoke", ways=())
    asserting(asking, other).assert_no_flow("pii", to="Worker")
    knows = asserting(asking, other, learned=[{"Worker": PII}, {"Worker": frozenset()}])
    knows.assert_flow("pii", to="Worker")
    with pytest.raises(AssertionError, match="by the answer of a function that it invoked"):
        knows.assert_no_flow("pii", to="Worker")
    knows.assert_no_flow("pii", to="Jobs")
    asserting(learned=[{"Worker": PII}]).assert_no_flow("pii", to="Jobs")


@pytest.mark.parametrize("to", ["logs", "collector.example", "https://api.partner.test/*"])
def test_what_is_not_seen_of_handlers_in_process_is_not_said_to_be_clean(to: str) -> None:
    asserting(READ).assert_no_flow("pii", to=to)
    inside = asserting(READ, inside=True)
    with pytest.raises(AssertionError, match="is not seen"):
        inside.assert_no_flow("pii", to=to)
    inside.assert_no_flow("pii", to=to, vacuous_ok=True)
    inside.assert_no_flow("pii", to="Jobs")


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (LOGGED, True),
        (replace(LOGGED, operation="Result"), True),
        (replace(LOGGED, invocation="i2"), False),
        (replace(LOGGED, environment="Worker-2"), False),
    ],
)
@pytest.mark.parametrize("invocation", ["i1", ""], ids=["an event", "an init"])
def test_with_a_refusal_only_the_ways_out_after_it_of_the_same_invocation_are_expected(
    refused: Record, expected: bool, invocation: str
) -> None:
    first = replace(STOPPED, invocation=invocation)
    refused = replace(refused, invocation=invocation) if refused.invocation == "i1" else refused
    after, before = asserting(READ, first, refused), asserting(READ, refused, first)
    for flows in (after, before):
        flows.assert_refused("Worker", "sqs:SendMessage")
    assert after.unexpected([first, refused]) == ([] if expected else [refused])
    assert before.unexpected([refused, first]) == [refused]

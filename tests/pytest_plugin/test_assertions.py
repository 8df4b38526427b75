"""When an assertion passes and when it fails, asked of records alone.

Knows records and what a test says of them. Does not run anything; `test_fixtures` does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.report.test_flows import PII, POLICY, READ, STACK, STOPPED, record
from valve_aws.model.record import Record
from valve_aws.model.verdict import Reason, Rule
from valve_aws.pytest_plugin.flows import ValveFlows
from valve_aws.report.flows import Flows

LOGGED = record("r-9", "valve", "Log", verdict="refuse", reasons=(Reason(Rule.LOG, "logs take nothing"),))


def asserting(*records: Record, **more: Any) -> ValveFlows:
    flows = Flows(records, STACK, POLICY, **more)
    return ValveFlows(lambda: flows)


def test_what_was_not_kept_may_have_been_the_flow() -> None:
    whole, rest = asserting(READ, STOPPED), asserting(READ, STOPPED, dropped=3)
    whole.assert_no_flow("pii", to="Archive")
    whole.assert_only_calls("Worker", {"dynamodb:GetItem", "sqs:SendMessage"})
    whole.assert_refused("Worker", times=1)
    with pytest.raises(AssertionError, match="3 of this test's decisions are not kept any more"):
        rest.assert_no_flow("pii", to="Archive", vacuous_ok=True)
    with pytest.raises(AssertionError, match="not kept"):
        rest.assert_only_calls("Worker", {"dynamodb:GetItem", "sqs:SendMessage"})
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

"""Who may send what where, as `valve check` prints it.

Knows the matrix and the kind of a policy. Does not know calls.
"""

from __future__ import annotations

from dataclasses import replace

from tests.flow.orders import CUSTOMERS, DONE, JOBS, STRIPE, function, policy, stack, store, tag, tags
from valve_aws.flow import matrix, possible
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.stack import Statement

SEND = Statement(True, ("sqs:SendMessage",), (DONE,))


def found(rules: FlowPolicy, *statements: Statement) -> set[tuple[str, str, str, bool]]:
    return {(f.function, f.tag, f.title, f.removed) for f in possible(rules, stack(*statements))}


def test_a_flow_needs_a_grant_of_the_template_and_a_line_of_the_policy() -> None:
    rules = policy(store(DONE, "Done", accepts=tags("pii")))
    assert ("Worker", "pii/email", "Done", False) in found(rules, SEND)
    assert ("Worker", "pii/email", "Jobs", False) not in found(rules, SEND)
    assert ("Worker", "pii/email", "Done", False) not in found(rules, replace(SEND, resources=(JOBS,)))


def test_who_may_only_look_at_a_store_or_take_messages_from_it_sends_nothing_there() -> None:
    rules = policy(store(DONE, "Done", accepts=tags("pii")))
    flow = ("Worker", "pii/email", "Done", False)
    for looks in (("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), ("sqs:Get*",)):
        assert flow not in found(rules, replace(SEND, actions=looks))
    for more in (("sqs:ReceiveMessage", "sqs:SendMessage"), ("sqs:*",), ("*",)):
        assert flow in found(rules, replace(SEND, actions=more))


def test_narrowing_clearance_from_and_only_to_take_flows_away() -> None:
    rules = policy(store(DONE, "Done", accepts=tags("pii", "card")))
    flow = ("Worker", "card", "Done", False)
    assert flow in found(rules, SEND)
    for narrower in (
        replace(rules, functions={"Worker": function(writes=(JOBS,))}),
        replace(rules, functions={"Worker": function(clearance=tags("pii"))}),
        replace(rules, tags={"card": tag("card", STRIPE)}),
        policy(store(DONE, "Done", accepts=tags("pii", "card"), sources=("Resize",))),
    ):
        assert flow not in found(narrower, SEND)


def test_a_removed_tag_is_marked() -> None:
    rules = policy(functions=[function(may_remove={"pii": (DONE,)})])
    assert ("Worker", "pii/email", "Done", True) in found(rules, SEND)
    assert any("⇥" in line and "Done" in line for line in matrix(rules, stack(SEND)))


def rows(rules: FlowPolicy) -> set[tuple[str, str, str]]:
    """Return (tag, arrow, place) of what `valve check` prints of Worker."""
    lines = [line.split() for line in matrix(rules, stack(SEND))]
    return {(line[1], line[2], line[3]) for line in lines if line[:1] == ["Worker"]}


def test_a_tag_within_a_listed_tag_of_the_same_function_and_place_is_not_listed_again() -> None:
    rules = policy(store(DONE, "Done", accepts=tags("pii", "card")))
    assert {row for row in rows(rules) if row[2] == "Done"} >= {("pii", "→", "Done"), ("card", "→", "Done")}
    assert ("pii/email", "→", "Done") not in rows(rules)


def test_a_tag_is_listed_by_itself_where_no_wider_one_is() -> None:
    rules = policy(store(DONE, "Done", accepts=tags("pii/email")))
    assert ("pii/email", "→", "Done") in rows(rules)
    assert ("pii", "→", "Done") not in rows(rules)


def test_a_wider_tag_does_not_speak_for_one_that_may_not_go_along() -> None:
    both = replace(
        policy(store(DONE, "Done", accepts=tags("pii"))),
        tags={"pii/phone": tag("pii/phone", STRIPE), "pii/name": tag("pii/name")},
    )
    listed = {row[0] for row in rows(both) if row[2] == "Done"}
    assert {"pii", "pii/email"} <= listed
    assert "pii/phone" not in listed


def test_a_tag_that_is_removed_is_not_folded_into_one_that_is_not() -> None:
    rules = policy(
        store(DONE, "Done", accepts=tags("pii")), functions=[function(may_remove={"pii/email": (DONE,)})]
    )
    assert {("pii", "→", "Done"), ("pii/email", "⇥", "Done")} <= rows(rules)


def test_it_says_which_kind_of_policy_it_is_and_why() -> None:
    traced = matrix(policy(store(DONE, "Done", accepts=tags("pii"))), stack())
    assert any("traced" in line for line in traced)
    assert any("Done accepts pii beyond what it holds" in line for line in traced)
    sealed = FlowPolicy(stores=(store(CUSTOMERS, "Customers", accepts=tags("pii"), sealed=True),))
    assert any("sealed" in line for line in matrix(sealed, stack()))
    assert not any("traced" in line for line in matrix(sealed, stack()))
    assert matrix(FlowPolicy(), stack())[0] == "no labelled data may be sent anywhere"

"""What is refused whatever it carries.

Knows perimeter, hosts, narrowing, `from`, clearance. Does not know labels in cells.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
import yaml

from tests.flow.orders import (
    ANYTHING,
    CUSTOMERS,
    DONE,
    EVIL,
    JOBS,
    OWN,
    RESIZE,
    SHARED,
    STRIPE,
    UPLOADS,
    ask,
    function,
    get,
    invoke,
    policy,
    put,
    send,
    stack,
    store,
    tags,
    visit,
    why,
    worker,
)
from valve_aws.model.call import UNREAD, Call, Effect
from valve_aws.model.cell import Extent, Part, Span
from valve_aws.model.policy import FlowPolicy, FunctionRule, Grant, OperationRule
from valve_aws.model.stack import Delivery, Statement, Trigger
from valve_aws.model.verdict import Holding, Mode, Rule, Way

EXACT = Statement(True, ("sqs:*",), (SHARED,))


@pytest.mark.parametrize(
    ("queue", "statements", "foreign"),
    [
        (JOBS, (), False),
        (EVIL, (), True),
        (SHARED, (), True),
        (SHARED, (ANYTHING, EXACT), False),
        (SHARED, (Statement(True, ("sqs:*",), (SHARED[:-1] + "*",)),), True),
        (SHARED, (ANYTHING, replace(EXACT, loose=True)), True),
        (EVIL, (ANYTHING, Statement(True, ("sqs:*",), (EVIL,))), True),
    ],
)
def test_ours_is_what_the_stack_has_or_is_granted_by_its_name(
    queue: str, statements: tuple[Statement, ...], foreign: bool
) -> None:
    assert (Rule.PERIMETER in why(ask(send(queue), shop=stack(*statements)))) is foreign


def test_a_foreign_queue_that_the_policy_names_is_part_of_the_stack() -> None:
    assert ask(send(EVIL), rules=policy(store(EVIL, EVIL, accepts=tags()))).passes


def test_what_the_service_hands_content_on_to_is_within_the_perimeter_too() -> None:
    call = replace(send(), effect=replace(send().effect, delivers=(EVIL,)))
    assert why(ask(call)) == [Rule.PERIMETER]


def test_the_names_of_our_account_are_ours_and_no_other_accounts() -> None:
    def listing(place: str) -> Call:
        return Call("sqs", "ListQueues", "", (place,), Effect(reveals=(Extent(place, Part.NAMES),)))

    assert ask(listing(f"arn:aws:sqs:us-east-1:{OWN}:*")).passes
    assert ask(listing("arn:aws:s3:::*")).passes
    assert why(ask(listing("arn:aws:sqs:us-east-1:999999999999:*"))) == [Rule.PERIMETER]
    assert why(ask(listing("arn:aws:sqs:us-east-1:999999999999:x:*"))) == [Rule.PERIMETER]


def test_the_own_log_group_is_ours_and_no_other_functions() -> None:
    def line(name: str) -> Call:
        group = f"arn:aws:logs:us-east-1:{OWN}:log-group:/aws/lambda/{name}"
        return Call(
            "logs", "PutLogEvents", "", (group,), Effect(changes=(Extent(group, span=Span.NEW),), blind=True)
        )

    assert ask(line("shop-worker")).passes
    assert why(ask(line("shop-resize"))) == [Rule.PERIMETER]
    assert why(ask(line("shop-worker"), worker({"pii"}))) == [Rule.ACCEPTS]


@pytest.mark.parametrize(
    ("call", "passes"),
    [
        (visit("https://api.stripe.com/v1"), True),
        (visit("https://evil.example/"), False),
        (visit("tcp://db.internal:5432", "Connect"), True),
        (visit("tcp://db.internal:25", "Connect"), False),
        (visit("dns:api.stripe.com", "Resolve"), True),
        (visit("dns:db.internal", "Resolve"), True),
        (visit("dns:sqs.us-east-1.amazonaws.com", "Resolve"), True),
        (visit("dns:evil.example", "Resolve"), False),
        (visit("dns:amazonaws.com.evil.example", "Resolve"), False),
        (visit("dns:evilamazonaws.com", "Resolve"), False),
    ],
)
def test_a_host_or_its_name_must_be_declared(call: Call, passes: bool) -> None:
    verdict = ask(call)
    assert verdict.passes is passes
    assert why(verdict) == ([] if passes else [Rule.HOST])
    assert ask(call, mode=Mode.AUDIT).passes


@pytest.mark.parametrize("label", [set(), {"pii", "user/a@b.test"}], ids=["clean", "labelled"])
@pytest.mark.parametrize(
    "call",
    [
        visit("https://evil.example/"),
        visit("http://evil.example:8080/x"),
        visit("tcp://db.internal:25", "Connect"),
        visit("dns:evil.example", "Resolve"),
        send(SHARED),
    ],
    ids=lambda call: call.resources[0],
)
def test_the_fix_that_is_proposed_lets_the_call_pass(call: Call, label: set[str]) -> None:
    who = worker(label)
    (reason,) = ask(call, who).refused
    ((named, line),) = yaml.safe_load(reason.fixes[0].partition("  ")[0])["stores"].items()
    assert set(line["accepts"]) == label
    rule = store(named, named, accepts=tags(*line["accepts"]))
    assert ask(call, who, policy(rule)).passes


PINNED = {"authorization": f"sha256:{sha256(b'Bearer ours').hexdigest()}", "x-account": "a1", "?key": None}
SAID = (("authorization", "Bearer ours"), ("x-account", "a1"), ("accept", "*/*"), ("?q", "1"))


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        (SAID, 0),
        (SAID[1:], 1),
        (SAID[2:], 2),
        ((("authorization", "Bearer theirs"), *SAID[1:]), 1),
        ((*SAID, ("authorization", "Bearer ours")), 1),
        ((*SAID, ("x-account", "a2")), 1),
        ((*SAID, ("?key", "")), 1),
    ],
)
def test_whose_account_it_is_at_a_host_must_be_as_the_policy_says(
    said: tuple[tuple[str, str], ...], refused: int
) -> None:
    rules = policy(store("https://api.stripe.com/*", "https://api.stripe.com/*", demands=PINNED))
    call = replace(visit("https://api.stripe.com/v1"), stated=said)
    assert why(ask(call, rules=rules)) == [Rule.WITH] * refused
    assert ask(call, rules=rules, mode=Mode.AUDIT).passes
    assert ask(visit("dns:api.stripe.com", "Resolve"), rules=rules).passes


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ((("/account", "a1"), ("/text", "x")), 0),
        ((("/account", "a2"),), 1),
        ((("/account", "a1"), ("/account", "a2")), 1),
        ((), 1),
        ((("/account", "a1"), ("/key", "")), 1),
        ((("/account", "a1"), ("/key", ""), ("/key/0", "x")), 1),
        ((("/account", "a1"), UNREAD), 2),
    ],
)
def test_whose_account_it_is_by_a_body_must_be_read_with_certainty(
    said: tuple[tuple[str, str], ...], refused: int
) -> None:
    demands = {"/account": "a1", "/key": None}
    rules = policy(store("https://api.stripe.com/*", "https://api.stripe.com/*", demands=demands))
    call = replace(visit("https://api.stripe.com/v1"), stated=said)
    assert why(ask(call, rules=rules)) == [Rule.WITH] * refused
    elsewhere = policy(store("https://api.stripe.com/*", "https://api.stripe.com/*", demands={"x": None}))
    assert ask(replace(call, stated=(UNREAD,)), rules=elsewhere).passes


def test_a_labelled_function_may_look_up_a_declared_name_and_no_other() -> None:
    assert ask(visit("dns:api.stripe.com", "Resolve"), worker({"pii"})).passes
    assert why(ask(visit("dns:alice.evil.example", "Resolve"), worker({"pii"}))) == [Rule.HOST]


def test_a_declared_operation_has_the_effect_that_the_line_says() -> None:
    call = Call("bedrock-runtime", "InvokeModel", "us-east-1", (), Effect(), known=False)
    assert why(ask(call)) == [Rule.UNKNOWN]
    row = OperationRule("bedrock-runtime", "InvokeModel", ("bedrock:model",), ("bedrock:model",))
    rules = policy(operations=(row,))
    assert ask(call, rules=rules).passes
    assert why(ask(call, worker({"pii"}), rules)) == [Rule.ACCEPTS]
    taken = policy(store("bedrock:model", "bedrock:model", accepts=tags("pii")), operations=(row,))
    assert ask(call, worker({"pii"}), taken).passes


def test_an_exit_is_opened_only_by_whom_and_where_it_is_granted() -> None:
    acl = put(UPLOADS, "x", opens="lets others in by an ACL")
    assert why(ask(acl)) == [Rule.CONFIGURE]
    assert why(ask(acl, rules=policy(grants=(Grant(("Worker",), (JOBS,)),)))) == [Rule.CONFIGURE]
    assert why(ask(acl, rules=policy(grants=(Grant(("Resize",), (UPLOADS,)),)))) == [Rule.CONFIGURE]
    assert ask(acl, rules=policy(grants=(Grant(("Worker",), (UPLOADS,)),))).passes


def test_an_exit_of_nothing_that_has_a_name_is_never_opened() -> None:
    role = Call("sts", "AssumeRole", "", (), Effect(opens="issues credentials"))
    assert why(ask(role, rules=policy(grants=(Grant(("Worker",), (UPLOADS,)),)))) == [Rule.CONFIGURE]


def test_what_the_role_does_not_allow_is_refused_with_the_statement_that_would() -> None:
    (reason,) = ask(send(), shop=stack(Statement(True, ("sqs:*",), (DONE,)))).refused
    assert reason.rule is Rule.GRANT
    assert reason.text == "its role does not allow sqs:SendMessage on Jobs"
    assert str(reason.where) == "template.yaml:20"
    assert "sqs:SendMessage" in reason.fixes[0]


def test_a_narrowed_function_writes_and_invokes_only_what_its_line_names() -> None:
    rules = policy(functions=[function(writes=(DONE,), invokes=())])
    assert ask(send(DONE), rules=rules).passes
    assert why(ask(send(), rules=rules)) == [Rule.WRITES]
    assert ask(get(CUSTOMERS, "c1", "total"), rules=rules).passes
    assert why(ask(invoke(), rules=rules)) == [Rule.INVOKES]
    assert ask(invoke(), rules=policy(functions=[function(writes=(), invokes=("Resize",))])).passes
    assert ask(invoke(), rules=policy(functions=[function(writes=(), invokes=(RESIZE,))])).passes


def test_a_store_takes_only_from_those_it_names_directly_and_by_delivery() -> None:
    rules = policy(store(DONE, "Done", sources=("Resize",)))
    assert why(ask(send(DONE), rules=rules)) == [Rule.FROM]
    assert why(ask(send(JOBS), rules=rules, shop=stack(deliveries=(Delivery(JOBS, DONE),)))) == [Rule.FROM]
    assert ask(send(DONE), rules=policy(store(DONE, "Done", sources=("Worker",)))).passes


def test_a_function_runs_only_for_those_it_names_invoked_or_woken_and_whatever_lies_between() -> None:
    woken = replace(stack().functions["Resize"], triggers=(Trigger("Resize", "Asked", "SQS", JOBS),))
    shop = replace(stack(), functions={**stack().functions, "Resize": woken})
    relayed = replace(shop, deliveries=(Delivery(DONE, JOBS),))

    def rules(*sources: str) -> FlowPolicy:
        return policy(functions=[FunctionRule("Resize", sources=sources)])

    for call, around in ((invoke(), shop), (send(JOBS), shop), (send(DONE), relayed)):
        assert why(ask(call, rules=rules("Resize"), shop=around)) == [Rule.FROM]
        assert why(ask(call, rules=rules(), shop=around)) == [Rule.FROM]
        assert ask(call, rules=rules("Worker"), shop=around).passes
        assert ask(call, rules=policy(), shop=around).passes
    (reason,) = ask(send(JOBS), rules=rules("Resize"), shop=shop).refused
    assert reason.text == "Resize, which Jobs wakes, runs only for Resize"
    assert reason.fixes == ("functions: {Resize: {from: [Resize, Worker]}}",)
    assert ask(invoke(), rules=rules()).refused[0].text == "Resize runs only for nobody"
    assert ask(get(CUSTOMERS, "c1", "total"), rules=rules(), shop=shop).passes


def test_receiving_from_a_queue_is_not_putting_something_there() -> None:
    received = Effect(reveals=(Extent(DONE),), changes=(Extent(DONE, Part.COUNTS, Span.ONE),))
    call = Call("sqs", "ReceiveMessage", "", (DONE,), received, actions=(("sqs:ReceiveMessage", DONE),))
    assert ask(call, rules=policy(store(DONE, "Done", sources=("Resize",)))).passes


def test_clearance_is_asked_of_what_could_be_there_not_of_what_is() -> None:
    unclear = policy(functions=[function(clearance=tags())])
    assert why(ask(get(CUSTOMERS, "c1", "email"), rules=unclear)) == [Rule.CLEARANCE]
    assert ask(get(CUSTOMERS, "c1", "total"), rules=unclear).passes
    assert why(ask(get(CUSTOMERS, "c1"), rules=policy(functions=[function(clearance=tags("card"))]))) == [
        Rule.CLEARANCE
    ]
    assert ask(get(CUSTOMERS, "c1"), rules=policy(functions=[function(clearance=tags("pii"))])).passes


def test_clearance_for_a_kind_of_tag_covers_whatever_fills_its_field() -> None:
    listing = Call("s3", "ListObjectsV2", "", (UPLOADS,), Effect(reveals=(Extent(UPLOADS, Part.NAMES),)))
    assert ask(listing, rules=policy(functions=[function(clearance=tags("tenant"))])).passes
    assert why(ask(listing, rules=policy(functions=[function(clearance=tags("tenant/a"))]))) == [
        Rule.CLEARANCE
    ]


def test_what_is_in_a_cell_above_its_ceiling_does_not_get_past_the_clearance() -> None:
    read = get(CUSTOMERS, "c1", "total")
    strange = Holding(frozenset({"card"}), ways=(Way("card"),))
    verdict = ask(
        read, rules=policy(functions=[function(clearance=tags())]), book={read.effect.reveals[0]: strange}
    )
    assert why(verdict) == [Rule.CLEARANCE]


def test_who_may_have_a_function_run_is_asked_where_no_other_line_says_from() -> None:
    rules = FlowPolicy(Mode.ENFORCE, functions={"Resize": FunctionRule("Resize", sources=("Report",))})
    assert why(ask(invoke(), rules=rules)) == [Rule.FROM]
    assert ask(invoke(), rules=replace(rules, functions={})).passes


def test_who_waits_for_a_result_must_be_cleared_for_all_that_the_other_may_learn() -> None:
    low = function(clearance=tags())
    assert why(ask(invoke(), rules=policy(functions=[low]))) == [Rule.CLEARANCE]
    assert ask(invoke(waits=False), rules=policy(functions=[low])).passes
    assert ask(invoke(), rules=policy(functions=[low, FunctionRule("Resize", tags())])).passes


def test_what_an_invoked_function_takes_says_nothing_of_what_it_may_answer() -> None:
    low = function(clearance=tags())
    taken = store(RESIZE, "Resize", accepts=tags())
    assert why(ask(invoke(), rules=policy(taken, functions=[low]))) == [Rule.CLEARANCE]
    assert ask(invoke(), rules=policy(taken, functions=[low, FunctionRule("Resize", tags())])).passes


def test_an_invoked_function_takes_what_it_may_learn() -> None:
    rules = policy(functions=[FunctionRule("Resize", tags())])
    assert why(ask(invoke(), worker({"pii"}), rules)) == [Rule.ACCEPTS]
    assert ask(invoke(), worker({"pii"})).passes


def test_every_wall_is_told_at_once_in_order() -> None:
    call = replace(send(EVIL), known=False, foreign="signed with a key that is not this environment's")
    assert why(ask(call, shop=stack(EXACT))) == [Rule.CREDENTIAL, Rule.PERIMETER, Rule.UNKNOWN, Rule.GRANT]


def test_off_lets_everything_pass_without_labels() -> None:
    verdict = ask(replace(send(EVIL), foreign="x"), worker({"pii"}), mode=Mode.OFF)
    assert verdict.passes
    assert not verdict.refused
    assert not verdict.writes


def test_audit_names_every_wall_and_keeps_the_labels() -> None:
    verdict = ask(send(EVIL), worker({"pii"}), mode=Mode.AUDIT)
    assert verdict.passes
    assert why(verdict) == [Rule.PERIMETER, Rule.ACCEPTS]
    assert verdict.writes == {"pii"}


def test_stripe_takes_cards_from_the_worker_alone() -> None:
    url = STRIPE.replace("*", "v1/charges")
    assert ask(visit(url), worker({"card"})).passes
    assert why(ask(visit(url), worker({"card", "pii"}))) == [Rule.ACCEPTS]
    assert why(ask(visit(url), replace(worker({"card"}), function="Resize"))) == [Rule.FROM]

"""How labels move in one call, on a shop's stores.

Knows attributes, keys, destinations, deliveries, what is raised and what people are told. Does not know the
book.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.flow.orders import (
    CUSTOMERS,
    DONE,
    JOBS,
    ORDERS,
    OWN,
    RESIZE,
    STRIPE,
    UPLOADS,
    ask,
    function,
    get,
    policy,
    put,
    send,
    stack,
    store,
    tag,
    tags,
    visit,
    why,
    worker,
)
from valve_aws.flow import Judge, explain
from valve_aws.model.call import Call, Effect
from valve_aws.model.cell import Cell, Extent, Part, Span
from valve_aws.model.policy import FlowPolicy, Grant, LogRule
from valve_aws.model.ports import Rise
from valve_aws.model.stack import Delivery, Resource, Stack
from valve_aws.model.verdict import Holding, Mode, Principal, Rule, Verdict, Way


def rises(
    call: Call, who: Principal, rules: FlowPolicy | None = None, shop: Stack | None = None
) -> list[Rise]:
    judge = Judge(rules or policy(), shop or stack())
    held = {e: Holding() for e in judge.wants(call)}
    return list(judge.rises(call, judge.decide(call, who, held, Mode.AUDIT)))


def update(*attributes: str, **effect: object) -> Call:
    changes = (Extent(CUSTOMERS, Part.CONTENT, Span.ONE, "c1", frozenset(attributes)),)
    return Call(
        "dynamodb", "UpdateItem", "", (CUSTOMERS,), replace(Effect((), (), changes, blind=True), **effect)
    )


# Attributes


def test_only_a_look_at_a_declared_attribute_brings_its_label() -> None:
    assert ask(get(CUSTOMERS, "c1", "id", "total")).joins == set()
    assert ask(get(CUSTOMERS, "c1", "id", "email")).joins == {"pii/email"}
    assert ask(get(CUSTOMERS, "c1")).joins == {"pii/email"}


def test_a_label_may_be_written_to_the_attribute_that_holds_it_and_to_no_other() -> None:
    assert ask(update("email"), worker({"pii/email"})).passes
    assert why(ask(update("email", "total"), worker({"pii/email"}))) == [Rule.ACCEPTS]
    assert why(ask(update("email"), worker({"card"}))) == [Rule.ACCEPTS]
    whole = put(CUSTOMERS, "c1", "dynamodb", "PutItem")
    assert why(ask(whole, worker({"pii/email"}))) == [Rule.ACCEPTS]


def test_every_declared_attribute_that_changes_is_raised_beside_the_item() -> None:
    who = worker({"pii/email"})
    (only,) = rises(update("email"), who)
    assert only.extent.attributes == {"email"}
    item, email = rises(update("email", "total"), who)
    assert (item.extent.attributes, email.extent.attributes) == (None, {"email"})
    (other,) = rises(update("total"), who)
    assert other.extent.attributes is None
    item, email, name = rises(put(CUSTOMERS, "c1", "dynamodb", "PutItem"), who)
    assert (item.extent.attributes, email.extent.attributes) == (None, {"email"})
    assert (item.replaces, email.replaces, name.replaces) == (True, True, False)


def test_a_copy_within_an_item_carries_what_it_is_computed_from() -> None:
    source = Extent(CUSTOMERS, Part.CONTENT, Span.ONE, "c1", frozenset({"email"}))
    verdict = ask(update("total", consults=(source,)))
    assert why(verdict) == [Rule.ACCEPTS]
    assert verdict.writes == {"pii/email"}
    assert verdict.joins == {"pii/email"}, "who is refused for it has learned of it"
    allowed = ask(
        update("total", consults=(source,)),
        rules=policy(
            store(CUSTOMERS, "Customers", accepts=tags("pii"), attributes={"email": tags("pii/email")})
        ),
    )
    assert allowed.passes
    assert allowed.joins == set(), "a service that copies tells the caller nothing"


def test_a_condition_on_one_attribute_tells_nothing_of_the_others() -> None:
    asked = (
        Extent(CUSTOMERS, Part.CONTENT, Span.ONE, "c1", frozenset({"id"})),
        Extent(CUSTOMERS, Part.NAMES, Span.ONE, "c1"),
    )
    conditional = put(CUSTOMERS, "c1", "dynamodb", "PutItem", reveals=asked, blind=False)
    assert ask(conditional).passes
    assert ask(conditional).joins == set()
    silent = put(CUSTOMERS, "c1", "dynamodb", "PutItem", blind=False)
    assert ask(silent).joins == {"pii/email"}, "a row that says nothing proves nothing"


# Replacing


@pytest.mark.parametrize(
    ("call", "replaces"),
    [
        (put(UPLOADS, "a/x"), True),
        (
            put(
                UPLOADS,
                "a/x",
                operation="CopyObject",
                consults=(Extent(UPLOADS, Part.CONTENT, Span.ONE, "a/y"),),
            ),
            True,
        ),
        (
            put(
                UPLOADS,
                "a/x",
                operation="CopyObject",
                consults=(Extent(UPLOADS, Part.CONTENT, Span.ONE, "a/x"),),
            ),
            False,
        ),
        (put(UPLOADS, "a/x", consults=(Extent(UPLOADS),)), False),
        (put(UPLOADS, "a/x", operation="PutObjectTagging"), False),
        (put(UPLOADS, "a/x", operation="CompleteMultipartUpload"), False),
        (put(UPLOADS, "a/x", operation="DeleteObject"), True),
        (put(UPLOADS, "a/x", changes=(Extent(UPLOADS, Part.CONTENT, Span.ONE, "a/x", version="v1"),)), False),
        (put(UPLOADS, "a/", changes=(Extent(UPLOADS, Part.CONTENT, Span.PREFIX, "a/"),)), False),
        (put(CUSTOMERS, "c1", "dynamodb", "BatchWriteItem"), False),
        (put(CUSTOMERS, "c1", "dynamodb", "UpdateItem"), False),
    ],
)
def test_only_a_certain_overwrite_replaces(call: Call, replaces: bool) -> None:
    assert rises(call, worker())[0].replaces is replaces


def test_a_bucket_that_keeps_versions_keeps_their_labels() -> None:
    shop = stack()
    kept = replace(shop.resources["Uploads"], properties={"VersioningConfiguration": {"Status": "Enabled"}})
    versioned = replace(shop, resources={**shop.resources, "Uploads": kept})
    assert not rises(put(UPLOADS, "a/x"), worker(), shop=versioned)[0].replaces


# Keys and fields


def test_a_tenants_object_carries_his_tag_and_no_others() -> None:
    read = Call(
        "s3", "GetObject", "", (UPLOADS,), Effect(reveals=(Extent(UPLOADS, Part.CONTENT, Span.ONE, "a/x"),))
    )
    assert ask(read).joins == {"tenant/a"}
    assert rises(put(UPLOADS, "a/x"), worker())[0].label == {"tenant/a"}
    assert rises(put(UPLOADS, "A b/x"), worker())[0].label == {"tenant/%41%20b"}


def test_an_item_takes_only_its_own_tenants_tag() -> None:
    def write(name: str) -> Call:
        return put(ORDERS, name, "dynamodb", "PutItem")

    assert ask(write("a#1/2024"), worker({"tenant/a"})).passes
    assert why(ask(write("b#1/2024"), worker({"tenant/a"}))) == [Rule.ACCEPTS]
    assert why(ask(write("a/2024"), worker({"tenant/a"}))) == [Rule.ACCEPTS]


def listing(store: str, prefix: str = "") -> Call:
    span = Span.PREFIX if prefix else Span.ALL
    return Call(
        "s3", "ListObjectsV2", "", (store,), Effect(reveals=(Extent(store, Part.NAMES, span, prefix),))
    )


def test_a_listing_of_one_tenant_carries_his_tag_and_one_of_all_what_the_book_knows() -> None:
    assert ask(listing(UPLOADS, "a/")).joins == {"tenant/a"}
    everything = listing(UPLOADS)
    known = Holding(
        frozenset({"tenant/b"}), ways=(Way("tenant/b", Cell(UPLOADS, "b/x", Part.NAMES), record="r-1"),)
    )
    assert ask(everything, book={everything.effect.reveals[0]: known}).joins == {"tenant/b"}


def test_what_neither_request_nor_book_tells_is_refused() -> None:
    everything = listing(UPLOADS)
    unknown = {everything.effect.reveals[0]: Holding(complete=False)}
    assert why(ask(everything, book=unknown)) == [Rule.FIELD]
    assert ask(listing(UPLOADS, "a/"), book=unknown).passes
    sealed = policy(replace(policy().stores[2], sealed=True))
    assert why(ask(everything, rules=sealed)) == [Rule.FIELD]


def test_a_sealed_store_looks_the_same_whatever_is_in_it() -> None:
    rules = policy(store(DONE, "Done", accepts=tags("pii", "card"), sealed=True))
    for part in Part:
        look = Call("sqs", "Look", "", (DONE,), Effect(reveals=(Extent(DONE, part),)))
        for holding in (Holding(), Holding(frozenset({"pii"})), Holding(complete=False)):
            assert ask(look, rules=rules, book={look.effect.reveals[0]: holding}).joins == {"pii", "card"}


def test_a_functions_own_log_group_takes_what_logs_accept_and_is_sealed() -> None:
    group = f"arn:aws:logs:us-east-1:{OWN}:log-group:/aws/lambda/shop-worker"
    rules = policy(logs=LogRule(tags("pii")))
    look = Call("logs", "DescribeLogStreams", "", (group,), Effect(reveals=(Extent(group, Part.NAMES),)))
    assert ask(look, rules=rules).joins == {"pii"}


def test_how_a_store_is_set_up_has_no_label_and_takes_none() -> None:
    rules = policy(store(DONE, "Done", holds=tags("pii"), accepts=tags("pii")))
    look = Call("sqs", "GetQueueUrl", "", (DONE,), Effect(reveals=(Extent(DONE, Part.CONFIG),)))
    assert ask(look, rules=rules, book={look.effect.reveals[0]: Holding(complete=False)}).joins == set()
    change = Call(
        "sqs", "Set", "", (DONE,), Effect(changes=(Extent(DONE, Part.CONFIG, Span.ONE),), blind=True)
    )
    assert why(ask(change, worker({"pii"}), rules)) == [Rule.ACCEPTS]


# Destinations


def test_a_host_is_remembered_under_the_line_that_names_it() -> None:
    judge = Judge(policy(store("https://{t}.example.org/*", "hosts", accepts=tags("pii"))), stack())
    call = visit("https://a.example.org/v1/x")
    (want,) = judge.wants(call)
    assert want.store == "https://a.example.org/*"
    verdict = judge.decide(call, worker({"pii"}), {want: Holding()})
    assert [rise.extent for rise in judge.rises(call, verdict)] == [want]
    (again,) = judge.wants(visit("https://a.example.org/another"))
    assert again == want


def test_what_traced_calls_brought_to_a_host_comes_back_from_it() -> None:
    call = visit(STRIPE.replace("*", "v1"))
    (want,) = Judge(policy(), stack()).wants(call)
    assert ask(call, book={want: Holding(frozenset({"card"}), complete=False)}).joins == {"card"}
    assert ask(call, book={want: Holding(complete=False)}).joins == set()


def test_a_clean_call_leaves_nothing_at_a_host() -> None:
    assert rises(visit(STRIPE.replace("*", "v1")), worker()) == []


def test_mail_goes_to_whom_its_label_belongs() -> None:
    def mail(to: str) -> Call:
        there = f"ses:to/{to}"
        return Call(
            "ses", "SendEmail", "", (there,), Effect(changes=(Extent(there, span=Span.NEW),), blind=True)
        )

    who = worker({"user/alice@example.org"})
    assert ask(mail("alice@example.org"), who).passes
    assert why(ask(mail("mallory@example.org"), who)) == [Rule.ACCEPTS]
    assert why(ask(mail("a/b@example.org"))) == [Rule.PERIMETER]


# Deliveries, confinement, declassification


def test_a_store_is_set_up_to_deliver_only_where_all_that_it_may_ever_hold_is_taken() -> None:
    change = Effect(changes=(Extent(JOBS, Part.CONFIG, Span.ONE),), delivers=(DONE,), opens="hands on")
    subscribe = Call("sns", "Subscribe", "", (JOBS,), change)
    granted = (Grant(("Worker",), (JOBS,), "sets it up"),)

    def rules(*takes: str) -> FlowPolicy:
        return policy(
            store(JOBS, "Jobs", accepts=tags("pii")),
            store(DONE, "Done", accepts=tags(*takes)),
            grants=granted,
        )

    (reason,) = ask(subscribe, rules=rules()).refused
    assert reason.text == "pii; Done, to which Jobs delivers, accepts nothing"
    assert ask(subscribe, rules=rules("pii")).passes
    assert not ask(subscribe, rules=rules("pii")).writes


def test_everything_that_is_delivered_to_must_accept_and_is_raised() -> None:
    shop = stack(deliveries=(Delivery(UPLOADS, JOBS), Delivery(JOBS, DONE)))
    rules = policy(
        store(UPLOADS, "Uploads", accepts=tags("pii")),
        store(JOBS, "Jobs", accepts=tags("pii")),
        store(DONE, "Done"),
    )
    (reason,) = ask(put(UPLOADS, "x"), worker({"pii"}), rules, shop).refused
    assert (reason.rule, reason.store) == (Rule.ACCEPTS, DONE)
    assert reason.text == "pii; Done, to which Jobs delivers, accepts nothing"
    taken = policy(*(store(s, s, accepts=tags("pii")) for s in (UPLOADS, JOBS, DONE)))
    raised = {
        rise.extent.store: rise.label for rise in rises(put(UPLOADS, "x"), worker({"pii"}), taken, shop)
    }
    assert raised == {UPLOADS: {"pii"}, JOBS: {"pii"}, DONE: {"pii"}}


def test_that_something_was_delivered_shows_in_names_and_figures_too() -> None:
    shop = stack(deliveries=(Delivery(UPLOADS, DONE),))
    taken = policy(*(store(s, s, accepts=tags("pii")) for s in (UPLOADS, DONE)))
    found = rises(put(UPLOADS, "x"), worker({"pii"}), taken, shop)
    raised = {rise.extent.part for rise in found if rise.extent.store == DONE}
    assert raised == {Part.CONTENT, Part.NAMES, Part.COUNTS}


def test_what_a_store_holds_by_itself_is_delivered_with_it() -> None:
    shop = stack(deliveries=(Delivery(CUSTOMERS, DONE),))
    assert why(ask(put(CUSTOMERS, "c1", "dynamodb", "PutItem"), rules=policy(), shop=shop)) == [Rule.ACCEPTS]
    counted = Call(
        "dynamodb",
        "X",
        "",
        (CUSTOMERS,),
        Effect(changes=(Extent(CUSTOMERS, Part.COUNTS, Span.ONE),), blind=True),
    )
    assert ask(counted, shop=shop).passes


def test_deliveries_in_a_circle_end() -> None:
    shop = stack(deliveries=(Delivery(JOBS, DONE), Delivery(DONE, JOBS)))
    assert ask(send(), shop=shop).passes


def test_a_functions_own_destinations_get_nothing_of_a_call_that_waits() -> None:
    from tests.flow.orders import invoke

    shop = stack(deliveries=(Delivery(RESIZE, DONE),))
    assert ask(invoke(), worker({"pii"}), shop=shop).passes
    assert why(ask(invoke(waits=False), worker({"pii"}), shop=shop)) == [Rule.ACCEPTS]


def test_no_line_widens_the_ceiling_of_a_tag() -> None:
    rules = policy(store(DONE, "Done", accepts=tags("card", "pii")), tags=[tag("card", STRIPE)])
    (reason,) = ask(send(DONE), worker({"card"}), rules).refused
    assert (reason.rule, reason.excess) == (Rule.ONLY_TO, {"card"})
    assert reason.text == f"card may not go to Done, only to {STRIPE}"
    assert ask(send(DONE), worker({"pii"}), rules).passes
    assert ask(visit(STRIPE.replace("*", "v1")), worker({"card"}), rules).passes
    lifted = policy(functions=[function(may_remove={"card": (DONE,)})], tags=[tag("card", STRIPE)])
    assert ask(send(DONE), worker({"card/pan"}), lifted).passes


def test_a_tag_is_removed_on_the_named_way_alone_and_recorded() -> None:
    rules = policy(functions=[function(may_remove={"pii": (DONE,)})])
    verdict = ask(send(DONE), worker({"pii/email"}), rules)
    assert verdict.passes
    assert verdict.writes == set()
    assert [r.rule for r in verdict.allowed] == [Rule.DECLASSIFY]
    assert why(ask(send(JOBS), worker({"pii/email"}), rules)) == [Rule.ACCEPTS]
    assert why(ask(send(DONE), worker({"pii/email", "card"}), rules)) == [Rule.ACCEPTS]
    assert why(ask(send(DONE), replace(worker({"pii"}), function="Resize"), rules)) == [Rule.ACCEPTS]


# What people are told


def test_a_refusal_says_what_is_carried_where_it_is_decided_and_what_would_change_it() -> None:
    email = Way("pii/email", Cell(CUSTOMERS, "c1", Part.CONTENT, "email"))
    who = replace(worker({"pii/email"}), ways=(email,))
    (reason,) = ask(send(), who).refused
    assert reason.text == "pii/email; Jobs accepts nothing"
    assert str(reason.where) == "valve.yaml:9:3"
    assert reason.excess == {"pii/email"}
    assert reason.fixes == (
        'read Customers without email: ProjectionExpression="id, …"',
        "Jobs: {accepts: [pii/email]}  also opens Resize",
    )
    assert explain(reason)[0] == "accepts: pii/email; Jobs accepts nothing  valve.yaml:9:3"


def test_an_allowed_flow_says_where_it_was_allowed() -> None:
    verdict = ask(visit(STRIPE.replace("*", "v1")), worker({"card"}))
    assert [(r.rule, r.text) for r in verdict.allowed] == [(Rule.ACCEPTS, f"card to {STRIPE}")]


def test_the_way_of_a_tag_names_cell_line_and_record() -> None:
    read = get(CUSTOMERS, "c1", "email")
    (floor,) = ask(read).ways
    assert (str(floor.cell), str(floor.where), floor.record) == (f"{CUSTOMERS}/c1.email", "valve.yaml:6", "")
    written = Way("pii/email", Cell(CUSTOMERS, "c1"), record="r-7")
    held = {read.effect.reveals[0]: Holding(frozenset({"pii/email"}), ways=(written,))}
    (known,) = ask(read, book=held).ways
    assert (known.record, str(known.where)) == ("r-7", "valve.yaml:6")


def test_the_environments_own_way_is_kept() -> None:
    came = Way("pii/email", record="r-1")
    verdict = ask(get(CUSTOMERS, "c1", "email"), Principal("e", "Worker", frozenset({"pii/email"}), (came,)))
    assert verdict.joins == set()
    assert verdict.ways == (came,)


# The edges of the judgement


def test_a_book_that_leaves_something_out_does_not_answer() -> None:
    judge = Judge(policy(), stack())
    verdict = judge.decide(get(CUSTOMERS, "c1", "total"), worker(), {})
    assert [r.rule for r in verdict.refused] == [Rule.BOOK, Rule.BOOK]


def test_settling_adds_what_was_held_meanwhile() -> None:
    judge, read = Judge(policy(), stack()), get(CUSTOMERS, "c1", "total")
    wants = judge.wants(read)
    later = {wants[0]: Holding(frozenset({"card"})), wants[1]: Holding()}
    assert judge.decide(read, worker(), {e: Holding() for e in wants}).joins == set()
    assert judge.settle(read, worker(), later).joins == {"card"}


def test_what_the_operator_puts_carries_holds_and_the_tags_of_its_key() -> None:
    rules = policy(store(DONE, "Done", holds=tags("pii")))
    judge = Judge(rules, stack())
    assert judge.base(DONE, "seed:0") == {"pii"}
    assert judge.base(UPLOADS, "a/photo.jpg") == {"tenant/a"}
    assert judge.base(ORDERS, "a#1/2024") == {"tenant/a"}
    assert judge.base(CUSTOMERS, "c1") == set()


def test_a_payload_out_of_a_store_brings_its_floor_or_its_ceiling() -> None:
    rules = policy(store(DONE, "Done", holds=tags("pii"), accepts=tags("card")))
    judge = Judge(rules, stack())
    message = Extent(DONE, Part.CONTENT, Span.ONE, "m-1")
    assert judge.carried(message, Holding()).label == {"pii"}
    assert judge.carried(message, Holding(complete=False)).label == {"pii", "card"}
    known = judge.carried(message, Holding(frozenset({"card"}), ways=(Way("card", record="r-1"),)))
    assert {way.tag: way.record for way in known.ways} == {"pii": "", "card": "r-1"}


def test_an_event_whose_payload_cannot_be_told_does_not_come_in() -> None:
    judge = Judge(policy(), stack())
    unknown = judge.carried(Extent(UPLOADS), Holding(complete=False))
    verdict = judge.admit(worker(), unknown)
    assert not verdict.passes
    assert why(verdict) == [Rule.FIELD]


def test_a_raw_destination_is_declared_by_its_line() -> None:
    judge = Judge(policy(), stack())
    assert judge.declares("tcp://db.internal:5432")
    assert not judge.declares("tcp://db.internal:5433")


def test_a_foreign_table_without_known_keys_may_hold_any_tenants_item() -> None:
    table = "arn:aws:dynamodb:us-east-1:999999999999:table/theirs"
    orders = policy().stores[1]
    rules = policy(replace(orders, target=table, written=table))
    verdict = ask(
        get(table, "a#1"),
        rules=rules,
        book={e: Holding(complete=False) for e in get(table, "a#1").effect.reveals},
    )
    assert why(verdict) == [Rule.FIELD, Rule.FIELD]


def test_the_same_call_is_judged_the_same_after_thousands_of_others() -> None:
    judge = Judge(policy(), stack())

    def once(name: str) -> Verdict:
        call = get(ORDERS, name)
        return judge.decide(call, worker(), {e: Holding() for e in judge.wants(call)})

    first = once("a#1/x")
    for n in range(5000):
        once(f"t{n}#1/x")
    assert once("a#1/x") == first


def test_resources_without_arns_do_not_matter() -> None:
    shop = stack()
    nameless = replace(
        shop, resources={**shop.resources, "Role": Resource("Role", "AWS::IAM::Role", "r", "")}
    )
    assert ask(send(), shop=nameless).passes

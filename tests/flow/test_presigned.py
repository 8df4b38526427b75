"""A link in what leaves is a call of its maker's for whoever holds it, and goes only where a line lets it.

Knows one shop's policy. Does not know how links are found or signed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.flow.orders import (
    JOBS,
    UPLOADS,
    Statement,
    function,
    policy,
    stack,
    store,
    tag,
    tags,
    worker,
)
from valve_aws.flow import Judge
from valve_aws.model.call import Call, Effect, Link
from valve_aws.model.cell import Extent, Part, Span, one
from valve_aws.model.label import CLEAN
from valve_aws.model.policy import PresignRule
from valve_aws.model.verdict import Holding, Rule

PUT = ("PutObject",)
GET = ("GetObject",)


def rule(operations: tuple[str, ...] = PUT, keys: str = "*", **more: Any) -> PresignRule:
    return PresignRule(UPLOADS, operations, keys, more.pop("expires", 60), **more)


def judge(*rules: PresignRule, stores: Any = (), **more: Any) -> Judge:
    return Judge(policy(*stores, functions=[function(may_presign=rules)], **more), stack())


def put(key: str = "t1/a", prefix: str | None = None) -> Link:
    span, name = (Span.ONE, key) if prefix is None else (Span.PREFIX, prefix)
    changes = (Extent(UPLOADS, Part.CONTENT, span, name), Extent(UPLOADS, Part.NAMES, span, name))
    call = Call("s3", "PutObject", "us-east-1", (UPLOADS,), Effect(changes=changes, blind=True),
                {"Bucket": "shop-uploads", "Key": key})
    return Link("a link", "Worker", "env-1", call, 100, prefix is not None, prefix)


def get(key: str = "t1/a", bucket: str = UPLOADS) -> Link:
    call = Call("s3", "GetObject", "us-east-1", (bucket,), Effect(reveals=(one(bucket, key),)),
                {"Bucket": "shop-uploads", "Key": key})
    return Link("a link", "Worker", "env-1", call, 100)


def walls(found: Judge, link: Link, place: str = "", **fields: str) -> list[str]:
    return [f"{r.rule}: {r.text}" for r in found.link_walls(link, worker(fields=fields), place)]


def flows(
    found: Judge,
    link: Link,
    label: frozenset[str] = CLEAN,
    held: frozenset[str] = CLEAN,
    place: str = "",
    pinned: bool = True,
) -> set[Rule]:
    book = {extent: Holding(held) for extent in found.wants(link.call)}
    who = worker(label)
    return {r.rule for r in found.link_flows(link, who, who, place, book, pinned)}


def test_a_link_needs_a_line_for_its_bucket_operation_key_and_place() -> None:
    assert walls(judge(rule()), put()) == []
    assert "no `may-presign` of Worker allows it" in walls(judge(), put())[0]
    assert "its line is for PutObject" in walls(judge(rule()), get())[0]
    assert "its line is for the keys `t2/*`" in walls(judge(rule(keys="t2/*")), put())[0]
    assert "its line does not name that place" in walls(judge(rule()), put(), JOBS)[0]
    assert walls(judge(rule(into=(JOBS,))), put(), JOBS) == []
    assert "its line lets it stand in no result" in walls(judge(rule(results=False)), put())[0]


def test_a_link_that_cannot_be_read_goes_nowhere() -> None:
    unread = replace(put(), problem="it has expired")
    assert "is not released: it has expired" in walls(judge(rule()), unread)[0]


def test_a_refusal_says_what_line_would_let_it_go() -> None:
    (reason,) = judge().link_walls(put(), worker(), "")
    assert reason.fixes == (
        'functions: {Worker: {may-presign: {Uploads: {operations: [PutObject], keys: "t1/*"}}}}',
    )
    (reason,) = judge().link_walls(put(), worker(), JOBS)
    assert reason.fixes[0].endswith('keys: "t1/*", into: [Jobs]}}}}')


OWN = "requestContext.authorizer.claims.sub"


def test_a_field_that_the_trigger_authenticated_has_its_value_and_without_it_nothing_fits() -> None:
    found = judge(rule(keys=f"{{{OWN}}}/*"))
    assert walls(found, put("alice/a"), **{OWN: "alice"}) == []
    assert walls(found, put("bob/a"), **{OWN: "alice"})
    assert walls(found, put("alice/a"))
    assert walls(found, put("/a"), **{OWN: ""})
    assert walls(judge(rule(keys="{tenant}/*")), put("anybody/a")) == []


@pytest.mark.parametrize(
    ("keys", "prefix", "fits"),
    [
        ("t1/*", "t1/", True),
        ("t1/*", "t1/up-", True),
        ("t1/*", "t", False),
        ("t1/*", "", False),
        ("*", "", True),
        ("{tenant}/*", "t1/", True),
        ("{tenant}/*", "t1", False),
        ("t1/*.png", "t1/", False),
        ("t1/a", "t1/a", False),
    ],
)
def test_a_form_is_good_for_every_key_that_begins_so(keys: str, prefix: str, fits: bool) -> None:
    assert (walls(judge(rule(keys=keys)), put(prefix + "*", prefix)) == []) is fits


def test_a_link_does_no_more_than_its_maker_may() -> None:
    reads = Statement(True, ("s3:GetObject",), ("*",))
    lines = policy(functions=[function(may_presign=(rule(),))])
    link = replace(put(), call=replace(put().call, actions=(("s3:PutObject", f"{UPLOADS}/t1/a"),)))
    assert [r.rule for r in Judge(lines, stack(reads)).link_walls(link, worker(), "")] == [Rule.GRANT]
    others = store(UPLOADS, "Uploads", sources=("Resize",))
    lines = policy(others, functions=[function(may_presign=(rule(),))])
    assert [r.rule for r in Judge(lines, stack()).link_walls(put(), worker(), "")] == [Rule.FROM]
    lines = policy(functions=[function(may_presign=(rule(GET),), clearance=tags())])
    assert [r.rule for r in Judge(lines, stack()).link_walls(get(), worker(), "")] == [Rule.CLEARANCE]


PLAIN = store(UPLOADS, "Uploads", accepts=tags("pii"))


def test_what_a_link_opens_must_fit_where_it_is_put() -> None:
    found = judge(rule(GET), stores=[PLAIN])
    assert flows(found, get()) == set()
    assert flows(found, get(), held=frozenset({"pii"})) == {Rule.RESULT}
    accepting = judge(rule(GET), stores=[PLAIN], results={"default": tags("pii")})
    assert flows(accepting, get(), held=frozenset({"pii"})) == set()


def test_one_that_is_not_pinned_is_judged_by_the_most_that_may_be_there() -> None:
    assert flows(judge(rule(GET), stores=[PLAIN]), get(), pinned=False) == {Rule.RESULT}
    clean = store(UPLOADS, "Uploads", accepts=tags())
    assert flows(judge(rule(GET), stores=[clean]), get(), pinned=False) == set()


def test_into_a_store_it_is_that_stores_ceiling_that_counts() -> None:
    found = judge(rule(GET, into=(JOBS,)), stores=[PLAIN])
    assert flows(found, get(), held=frozenset({"pii"}), place=JOBS) == {Rule.ACCEPTS}
    taking = judge(rule(GET, into=(JOBS,)), stores=[PLAIN, store(JOBS, "Jobs", accepts=tags("pii"))])
    assert flows(taking, get(), held=frozenset({"pii"}), place=JOBS) == set()


def test_a_confined_tag_goes_by_no_link_where_it_may_not_go() -> None:
    confined = [tag("pii", "https://api.stripe.com/*")]
    found = judge(rule(GET), stores=[PLAIN], tags=confined, results={"default": tags("pii")})
    assert flows(found, get(), held=frozenset({"pii"})) == {Rule.ONLY_TO}


def test_a_link_to_write_carries_the_label_of_what_it_stands_in() -> None:
    found = judge(rule(), stores=[store(UPLOADS, "Uploads", accepts=tags())])
    assert flows(found, put()) == set()
    assert flows(found, put(), label=frozenset({"pii"})) == {Rule.ACCEPTS}


def test_what_somebody_outside_may_write_carries_the_most_that_may_be_there() -> None:
    found = judge(rule(), stores=[PLAIN])
    assert {(r.extent.span, r.label) for r in found.link_rises(put())} == {(Span.ONE, frozenset({"pii"}))}
    spans = {(r.extent.span, r.label) for r in found.link_rises(put("t1/*", "t1/"))}
    assert spans == {(Span.NEW, frozenset({"pii"}))}
    assert found.link_rises(get()) == ()

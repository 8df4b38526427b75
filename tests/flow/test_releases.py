"""What results and log lines may carry.

Knows the policy's two lines about them. Does not know who reads.
"""

from __future__ import annotations

import time

from tests.flow.orders import policy, stack, tag, tags, worker
from valve_aws.flow import Judge
from valve_aws.model.policy import LogRule
from valve_aws.model.verdict import Rule


def judge(**lines: object) -> Judge:
    return Judge(policy(**lines), stack())


def test_a_result_is_judged_by_its_triggers_line_else_its_functions_else_the_default() -> None:
    rules = judge(results={"Worker.Api": tags("user/{sub}"), "default": tags("pii")})
    alice = worker({"user/alice"}, trigger="Worker.Api", fields={"sub": "alice"})
    assert rules.result(alice).passes
    assert not rules.result(worker({"user/alice"}, trigger="Worker.Api", fields={"sub": "bob"})).passes
    assert not rules.result(worker({"user/alice"}, trigger="Worker.Api")).passes
    assert rules.result(worker({"pii/email"}, trigger="Worker.Queue")).passes
    assert not rules.result(worker({"pii"}, trigger="Worker.Api", fields={"sub": "alice"})).passes
    whole = judge(results={"Worker": tags("card"), "default": tags("pii")})
    assert whole.result(worker({"card"}, trigger="Worker.Api")).passes
    assert not whole.result(worker({"pii"})).passes


def test_a_functions_line_holds_for_whatever_invoked_it() -> None:
    rules = judge(results={"Worker": tags("pii"), "Worker.Api": tags("card"), "default": tags()})
    assert rules.result(worker({"pii"})).passes
    assert rules.result(worker({"pii"}, trigger="Worker.Queue")).passes
    assert not rules.result(worker({"pii"}, trigger="Worker.Api")).passes
    assert not judge(results={"Other": tags("pii"), "default": tags()}).result(worker({"pii"})).passes


def test_without_a_line_a_labelled_result_stays() -> None:
    verdict = judge().result(worker({"pii"}))
    assert [r.rule for r in verdict.refused] == [Rule.RESULT]
    assert verdict.refused[0].text == "pii; a result accepts nothing"
    assert verdict.refused[0].fixes == ("results: {Worker: {accepts: [pii]}}",)
    assert judge().result(worker()).passes


def test_a_confined_tag_leaves_neither_in_a_result_nor_in_a_log() -> None:
    rules = judge(
        results={"default": tags("card")},
        logs=LogRule(tags("card")),
        tags=[tag("card", "https://api.stripe.com/*")],
    )
    assert [r.rule for r in rules.result(worker({"card"})).refused] == [Rule.ONLY_TO]
    verdict, leaves = rules.log(worker({"card"}), "4242")
    assert not verdict.passes
    assert leaves == ""


def test_of_a_labelled_line_only_declared_shapes_leave_each_once() -> None:
    rules = judge(logs=LogRule(release={"orderId": "ORD-[0-9]{1,9}", "ms": "[0-9]+ms"}))
    verdict, leaves = rules.log(worker({"pii"}), "alice ORD-17 ORD-18 took 12ms")
    assert not verdict.passes
    assert leaves == "orderId=ORD-17 ms=12ms"
    assert rules.log(worker({"pii"}), "XORD-17 ORD-1234567890 ORD-17x ORD-17-alice")[1] == ""
    assert rules.log(worker(), "alice")[1] == "alice"


def test_a_line_that_the_log_accepts_leaves_whole() -> None:
    verdict, leaves = judge(logs=LogRule(tags("pii"))).log(worker({"pii/email"}), "alice")
    assert verdict.passes
    assert leaves == "alice"


def test_an_endless_line_is_searched_only_so_far() -> None:
    rules = judge(logs=LogRule(release={"orderId": "ORD-[0-9]{1,9}"}))
    began = time.process_time()
    assert rules.log(worker({"pii"}), "x " * 5_000_000 + "ORD-1")[1] == ""
    assert time.process_time() - began < 1

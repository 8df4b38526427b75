"""What becomes of an event that nobody waits for: partial failures, retries, destinations, dead letters.

Knows LocalStack's own wiring of them. Does not know how an outcome is judged.
"""

from __future__ import annotations

import json

import pytest

from tests.localstack.town import REGION, Town

ALICE = "alice@example.org"


def test_of_a_mixed_batch_each_label_is_served_apart_and_only_what_failed_comes_again(town: Town) -> None:
    town.mode("enforce")
    cases = {"partial-clean": False, "partial-labelled": True, "partial-broken": False}
    for case, read in cases.items():
        town.invoke("FrontSender", {"via": "message", "to": "front-partial", "read": read, "case": case})
    source = f"arn:aws:sqs:{REGION}:000000000000:front-partial"
    town.client("lambda").create_event_source_mapping(
        FunctionName="FrontPartial",
        EventSourceArn=source,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    dead = town.awaited("front-dead", lambda message: True)
    assert (dead["case"], town.report("FrontPartial", "partial-clean")["outcome"]) == (
        "partial-broken",
        "passed on",
    )
    labelled = town.report("FrontPartial", "partial-labelled")
    assert labelled["outcome"] == "AccessDenied"
    assert ["partial-labelled" in record["body"] for record in labelled["event"]["Records"]] == [True]
    assert not town.passed_on("partial-labelled")
    town.mode("audit")  # Why last: only now does anything take messages out of the queue
    leak = {"via": "message", "to": "front-partial", "read": True, "case": "partial-leak"}
    town.invoke("FrontSender", leak)
    assert town.report("FrontPartial", "partial-leak")["outcome"] == "passed on"
    assert town.passed_on("partial-leak")


@pytest.mark.parametrize("then", ["answer", "fail"])
def test_an_outcome_goes_to_a_destination_only_where_that_takes_its_label(town: Town, then: str) -> None:
    where = {"answer": "front-successes", "fail": "front-failures"}[then]

    def event(case: str, read: bool) -> None:
        town.invoke(
            "FrontAsync", {"case": f"{then}-{case}", "read": read, "then": then}, InvocationType="Event"
        )

    town.mode("audit")
    event("leaks", True)
    leaked = town.awaited(where, lambda message: message["requestPayload"]["case"] == f"{then}-leaks")
    assert ALICE in json.dumps(leaked["responsePayload"])
    assert leaked["requestContext"]["approximateInvokeCount"] == (2 if then == "fail" else 1)
    town.mode("enforce")
    event("held", True)
    town.refused("FrontAsync", "Outcome")
    event("clean", False)
    clean = town.awaited(where, lambda message: message["requestPayload"]["case"] == f"{then}-clean")
    assert "nobody" in json.dumps(clean["responsePayload"])
    assert not town.arrived("front-successes", f"{then}-held")
    assert not town.arrived("front-failures", f"{then}-held")


def test_an_event_goes_to_a_dead_letter_queue_only_where_that_takes_its_label(town: Town) -> None:
    def event(case: str, read: bool) -> None:
        given = {"case": case, "read": read, "then": "fail"}
        town.invoke("FrontBuried", given, InvocationType="Event")

    town.mode("audit")
    event("buried-leaks", True)
    assert town.awaited("front-letters", lambda message: message["case"] == "buried-leaks")
    town.mode("enforce")
    event("buried-held", True)
    town.refused("FrontBuried", "Outcome")
    event("buried-clean", False)
    assert town.awaited("front-letters", lambda message: message["case"] == "buried-clean")
    assert not town.arrived("front-letters", "buried-held")


def test_who_invokes_for_later_what_has_a_destination_is_refused_where_that_does_not_take_the_label(
    town: Town,
) -> None:
    def sent(mode: str, read: bool) -> object:
        town.mode(mode)
        given = {"via": "event", "to": "FrontAsync", "read": read, "case": f"later-{mode}-{read}"}
        result, _ = town.invoke("FrontSender", given)
        return result

    assert sent("audit", True) == {"sent": True}
    assert town.awaited("front-successes", lambda m: m["requestPayload"]["case"] == "later-audit-True")
    refused = sent("enforce", True)
    assert isinstance(refused, dict)
    assert refused["errorType"] == "Valve.ResultRefused"
    assert sent("enforce", False) == {"sent": True}
    assert town.awaited("front-successes", lambda m: m["requestPayload"]["case"] == "later-enforce-False")
    assert not town.arrived("front-successes", "later-enforce-True")


def test_an_event_that_comes_while_the_policy_cannot_be_read_waits_until_it_is_mended(town: Town) -> None:
    town.mode("enforce")
    written = town.policy.read_text()
    town.policy.write_text("version: 1\nstores: {front-people: {holding: [pii]}}\n")
    given = {"case": "buried-unread", "then": "print"}
    town.invoke("FrontBuried", given, InvocationType="Event")
    town.logged_by_localstack("holding")
    town.policy.write_text(written)
    town.logged("/aws/lambda/FrontBuried", "buried-unread nobody")
    assert not town.arrived("front-letters", "buried-unread")

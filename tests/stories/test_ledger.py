"""What is kept of a run in memory is bounded, whatever a function goes on doing.

Knows the ledger. Does not know the file, which has every record.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from valve_aws.model.record import Record
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Mode, Reason, Rule
from valve_aws.running import ledger
from valve_aws.running.ledger import Ledger

RECORD = Record(
    ident="",
    time="2026-01-01T00:00:00.000Z",
    service="sqs",
    operation="SendMessage",
    region="us-east-1",
    account="123456789012",
    verdict="allow",
    mode=Mode.ENFORCE,
    function="Worker",
    environment="Worker-1",
    invocation="i",
)
PII = frozenset({"pii"})


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def book(told: list[str], monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(ledger, "KEPT", 100)
    return Ledger(Stack("app", "123456789012", "us-east-1", {}, {}), told.append)


@pytest.mark.parametrize("joined", [frozenset(), PII])
def test_records_are_bounded_and_the_last_and_what_let_labels_in_stay(
    book: Ledger, joined: frozenset[str]
) -> None:
    book.add(replace(RECORD, ident="first", joined=PII))
    for number in range(120):
        book.add(replace(RECORD, ident=f"r-{number}", joined=joined))
    kept = [record.ident for record in book.records]
    assert kept[-50:] == [f"r-{number}" for number in range(70, 120)]
    assert ("first" in kept) is not bool(joined)
    for number in range(1000):
        book.add(replace(RECORD, ident=f"s-{number}", joined=joined))
    assert len(book.records) <= 100


def test_what_is_not_kept_is_counted_and_what_came_after_a_mark_is_found(book: Ledger) -> None:
    for number in range(90):
        book.add(replace(RECORD, ident=f"r-{number}", joined=PII if number == 3 else frozenset()))
    assert (book.dropped, mark := book.mark()) == (0, 90)
    assert book.since(mark) == []
    for number in range(30):
        book.add(replace(RECORD, ident=f"s-{number}"))
    assert book.dropped == 120 - len(book.records) == 49
    assert [record.ident for record in book.since(mark)] == [f"s-{number}" for number in range(30)]
    for number in range(1000):
        book.add(replace(RECORD, ident=f"t-{number}"))
    assert {r.ident for r in book.records} == {r.ident for r in book.since(mark)}, "none is left out"
    book.clear()
    assert (book.dropped, book.mark(), book.learned) == (0, 0, {})


def test_refusals_are_bounded_and_counted(book: Ledger, told: list[str]) -> None:
    refused = replace(RECORD, verdict="refuse", reasons=(Reason(Rule.ACCEPTS, "no"),))
    for number in range(300):
        book.add(replace(refused, ident=f"r-{number}", invocation=f"i-{number}"))
    assert len(book.refusals) == 100
    assert book.refusals[0].ident == "r-0"
    assert "300" in book.summary()
    assert len(told) == 300


def test_each_mistake_of_the_operator_s_own_is_told_once(book: Ledger, told: list[str]) -> None:
    his = replace(RECORD, environment="", invocation="", mode=Mode.AUDIT, verdict="refuse")
    for text in ("one thing", "another", "one thing"):
        book.add(replace(his, reasons=(Reason(Rule.UNREADABLE, text),)))
    assert [line.splitlines()[1].strip() for line in told] == ["because   one thing", "because   another"]
    assert book.summary() == "valve: 3 calls, 0 carried a label and passed, 3 refused"


def test_a_chain_of_wakings_is_told_however_many_others_there_were(book: Ledger) -> None:
    for number in range(500):
        book.add(replace(RECORD, ident=f"r-{number}", cause=f"r-{number - 1}" if number > 450 else ""))
    assert book.looping("r-499")
    assert not book.looping("r-455")
    assert len(book._causes) <= 100

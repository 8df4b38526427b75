"""One call's way, step by step: record, raise, forward, settle, release (laws 2, 3, 15; ADR 2).

Knows the order and what each step leaves behind. Does not know HTTP.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.playbook.play import CUSTOMERS, DROP, JOBS, KEEP, PII, Play, Stage, get, put, rules, send, verdicts
from valve_aws.course import commands as ask
from valve_aws.course.carry import carry, cross
from valve_aws.course.commands import Broken, Lost, Reply
from valve_aws.model.call import Call, Effect, Unreadable
from valve_aws.model.cell import Cell, one
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.ports import Outcome, Rise
from valve_aws.model.verdict import Mode

STEPS = (ask.Note, ask.Raise, ask.Forward, ask.Settle, ask.Release)


def test_a_write_is_recorded_then_raised_then_sent_then_settled_then_answered() -> None:
    stage = Stage()
    play = stage.cross(put(KEEP), stage.subject(PII))
    assert isinstance(play.waits, ask.Forward)
    assert verdicts(stage.sink.records) == [("PutObject", "allow")]
    assert stage.carries(KEEP, "k") == PII
    assert stage.open() == {play.waits.record}
    play.answer(Reply(200, Outcome.DONE, versions={Cell(KEEP, "k"): "v1"}))
    assert isinstance(play.waits, ask.Release)
    assert stage.open() == set()
    assert verdicts(stage.sink.records) == [("PutObject", "allow"), ("PutObject", "settled")]
    assert [(record.label, record.writes) for record in stage.sink.records] == [(PII, PII)] * 2
    assert play.answer().over
    assert stage.order(*STEPS) == ["Note", "Raise", "Forward", "Settle", "Note", "Release"]


WHOLE = Reply(200, Outcome.DONE, versions={Cell(KEEP, "k"): "v1"}, whole=True)


def test_a_reply_that_is_here_to_its_last_byte_is_released_first_and_settled_behind_it() -> None:
    stage = Stage()
    play = stage.cross(put(KEEP), stage.subject(PII))
    play.answer(WHOLE)
    assert isinstance(play.waits, ask.Release)
    assert stage.open() != set()
    assert play.answer().over
    assert stage.open() == set()
    assert stage.order(*STEPS) == ["Note", "Raise", "Forward", "Release", "Settle", "Note"]


def test_what_became_of_a_call_is_settled_whoever_waited_for_its_reply_has_gone() -> None:
    stage = Stage()
    play = stage.cross(put(KEEP), stage.subject(PII))
    play.answer(WHOLE)
    with pytest.raises(ConnectionError):
        play.throw(ConnectionError("the client went away"))
    assert stage.open() == set()
    assert stage.sink.records[-1].outcome == "done"


def test_a_book_that_falls_silent_behind_a_released_reply_leaves_both_and_answers_nobody_twice() -> None:
    stage = Stage()
    play = stage.cross(put(KEEP), stage.subject(PII))
    play.answer(WHOLE)
    stage.book.broken = frozenset({"settle"})
    assert play.answer().over
    assert stage.order(ask.Release, ask.Refuse) == ["Release"]


def test_what_is_read_joins_before_the_request_is_sent() -> None:
    stage = Stage()
    subject = stage.subject()
    play = stage.cross(get(), subject)
    assert isinstance(play.waits, ask.Forward)
    assert subject.label == PII
    assert stage.sink.records[0].joined == PII
    play.end()


def test_what_was_raised_there_while_the_reply_was_awaited_joins_before_it_is_released() -> None:
    stage = Stage()
    subject = stage.subject()
    play = stage.cross(get("c2"), subject)
    assert subject.label == CLEAN
    stage.cross(_item("c2"), stage.subject(PII, name="other")).end()
    play.answer(Reply(200, Outcome.DONE))
    assert isinstance(play.waits, ask.Release)
    assert subject.label == PII


def test_what_rose_and_was_lowered_there_while_the_reply_was_awaited_joins_all_the_same() -> None:
    stage = Stage()
    subject = stage.subject()
    play = stage.cross(get("c3"), subject)
    stage.cross(_item("c3"), stage.subject(PII, name="first")).end()
    stage.cross(_item("c3"), stage.subject(name="second")).end()
    assert (stage.carries(CUSTOMERS, "c3"), subject.label) == (CLEAN, CLEAN)
    play.answer(Reply(200, Outcome.DONE))
    assert isinstance(play.waits, ask.Release)
    assert subject.label == PII


@pytest.mark.parametrize(("shown", "learned"), [("v1", CLEAN), ("v2", PII)])
def test_a_version_that_the_reply_shows_and_the_book_never_had_may_be_all_that_its_store_takes(
    shown: str, learned: Label
) -> None:
    """Law 9, though nobody has written to the book meanwhile: others use this backend too."""
    stage = Stage()
    stage.book._sole = False
    stage.cross(put(KEEP)).end(Reply(200, Outcome.DONE, versions={Cell(KEEP, "k"): "v1"}))
    subject, effect = stage.subject(name="reader"), Effect(reveals=(one(KEEP, "k"),))
    play = stage.cross(replace(put(KEEP), operation="GetObject", effect=effect), subject)
    assert subject.label == CLEAN
    play.answer(Reply(200, Outcome.DONE, seen={Cell(KEEP, "k"): shown}))
    assert isinstance(play.waits, ask.Release)
    assert subject.label == learned


def test_a_new_message_is_named_when_its_reply_is_settled() -> None:
    stage = Stage()
    play = stage.cross(send(), stage.subject(PII))
    play.end(Reply(200, Outcome.DONE, created=[Cell(JOBS, "m-1")]))
    assert stage.carries(JOBS, "m-1") == PII
    assert stage.sink.records[-1].changes == (f"{JOBS}/m-1",)


def test_when_a_cell_rises_between_decision_and_raise_it_is_decided_again() -> None:
    """Another process shares the book; this one's loop gives nobody else a turn there."""
    stage = Stage()
    call, subject = _copy(), stage.subject()
    course = cross(stage.court, subject, call)
    command = course.send(None)
    tries = 0
    while not isinstance(command, ask.Forward):
        if isinstance(command, ask.Raise):
            tries += 1
            if tries == 1:
                stage.book.raise_("elsewhere", [Rise(one(KEEP, "from"), PII)], (), 0)
        answer = stage.passage.at_once(command)
        stage.told.append(("env", command))
        command = course.send(answer)
    assert tries == 2
    assert command.carries == PII
    assert stage.carries(KEEP, "to") == PII
    assert stage.order(ask.Note, ask.Raise) == ["Note", "Raise", "Note", "Raise"]
    assert isinstance(course.throw(Lost(Outcome.FAILED, "the play is over")), ask.Settle)
    assert isinstance(course.send(None), ask.Note)


def test_a_book_that_never_stands_still_refuses() -> None:
    stage = Stage()
    course = cross(stage.court, stage.subject(PII), put(KEEP))
    command, answer = course.send(None), None
    while not isinstance(command, ask.Refuse):
        assert not isinstance(command, ask.Forward)
        answer = False if isinstance(command, ask.Raise) else stage.passage.at_once(command)
        command = course.send(answer)
    assert rules(command.verdict) == {"book"}


@pytest.mark.parametrize(
    ("outcome", "left"), [(Outcome.FAILED, CLEAN), (Outcome.UNKNOWN, PII)], ids=["failed", "unknown"]
)
def test_a_lost_reply_settles_as_what_is_known_of_it_and_the_function_is_told_of_a_failure(
    outcome: Outcome, left: frozenset[str]
) -> None:
    stage = Stage()
    play = stage.cross(put(KEEP), stage.subject(PII)).throw(Lost(outcome, "gone"))
    assert isinstance(play.waits, ask.Fail)
    assert stage.open() == set()
    assert stage.carries(KEEP, "k") == left
    assert stage.sink.records[-1].outcome == str(outcome)
    play.end()
    assert "Release" not in stage.order()


def test_an_overwrite_of_unknown_outcome_carries_old_and_new() -> None:
    stage = Stage()
    stage.cross(put(KEEP), stage.subject(PII)).end()
    stage.cross(put(KEEP), stage.subject()).throw(Lost(Outcome.UNKNOWN, "gone")).end()
    assert stage.carries(KEEP, "k") == PII
    stage.cross(put(KEEP), stage.subject()).end()
    assert stage.carries(KEEP, "k") == CLEAN


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), KeyboardInterrupt(), KeyError("a fault of ours")]
)
def test_whatever_ends_the_sending_settles_it_as_unknown_and_is_passed_on(error: BaseException) -> None:
    stage = Stage()
    subject = stage.subject(PII)
    play = stage.cross(put(KEEP), subject)
    with pytest.raises(type(error)):
        play.throw(error)
    assert stage.open() == set()
    assert stage.carries(KEEP, "k") == PII
    assert (stage.sink.records[-1].verdict, stage.sink.records[-1].outcome) == ("settled", "unknown")
    assert subject.outgoing == {}


def test_a_read_has_nothing_to_settle() -> None:
    stage = Stage()
    stage.cross(get()).end()
    assert stage.order(*STEPS) == ["Note", "Forward", "Release"]


# Modes


def test_off_forwards_with_a_record_and_keeps_no_label() -> None:
    stage = Stage(Mode.OFF)
    subject = stage.subject()
    stage.cross(get(), subject).end()
    stage.cross(put(DROP), subject).end()
    assert subject.label == CLEAN
    assert stage.carries(DROP, "k") == CLEAN
    assert stage.order(*STEPS) == ["Note", "Forward", "Release", "Note", "Forward", "Note", "Release"]


def test_audit_forwards_notes_what_would_be_refused_and_keeps_labels() -> None:
    stage = Stage(Mode.AUDIT)
    subject = stage.subject()
    stage.cross(get(), subject).end()
    verdict = stage.cross(put(DROP), subject).end()
    assert verdict.passes
    assert rules(verdict) == {"accepts"}
    assert ("PutObject", "refuse") in verdicts(stage.sink.records)
    assert stage.carries(DROP, "k") == PII


def test_enforce_refuses_and_the_book_stays_as_it_was() -> None:
    stage = Stage()
    subject = stage.subject()
    stage.cross(get(), subject).end()
    verdict = stage.cross(put(DROP), subject).end()
    assert not verdict.passes
    assert stage.carries(DROP, "k") == CLEAN
    assert stage.order()[-2:] == ["Note", "Refuse"]


@pytest.mark.parametrize("mode", list(Mode))
def test_what_cannot_be_read_is_refused_in_every_mode_and_leaves_a_trace(mode: Mode) -> None:
    stage = Stage(mode)
    play = Play(
        stage, "env", carry(stage.court, stage.subject(), 0, lambda _: Unreadable("two of them", "s3"))
    )
    assert rules(play.end()) == {"unreadable"}
    assert verdicts(stage.sink.records) == [("Unreadable", "refuse")]
    assert not stage.forwarded()


def test_a_body_that_does_not_come_whole_is_refused() -> None:
    stage = Stage()
    play = Play(stage, "env", carry(stage.court, stage.subject(), 10, lambda _: put(KEEP)))
    assert isinstance(play.waits, ask.Collect)
    assert rules(play.throw(Broken("it ends early")).end()) == {"unreadable"}
    assert not stage.forwarded()


@pytest.mark.parametrize("method", ["stamp", "held"])
def test_a_book_that_fails_after_the_reply_keeps_the_reply_back(method: str) -> None:
    """It is asked whether it moved; and if it did, what it holds now."""
    stage = Stage()
    subject = stage.subject()
    play = stage.cross(get("c2"), subject)
    other = stage.cross(put(KEEP), stage.subject(PII))
    other.answer(Reply(200, Outcome.DONE))
    stage.book.broken = frozenset({method})
    play.answer(Reply(200, Outcome.DONE))
    assert isinstance(play.waits, ask.Refuse)
    assert subject.outgoing == {}
    play.end()
    assert stage.order().count("Release") == 1, "the other one's"


def test_a_book_that_fails_while_settling_keeps_the_reply_back_and_the_rise_open() -> None:
    stage = Stage()
    play = stage.cross(put(KEEP), stage.subject(PII))
    stage.book.broken = frozenset({"settle"})
    play.answer(Reply(200, Outcome.DONE))
    assert isinstance(play.waits, ask.Refuse)
    assert stage.open() == {"r-1"}
    assert stage.carries(KEEP, "k") == PII


def _item(name: str) -> Call:
    return replace(get(), operation="PutItem", effect=Effect(changes=(one(CUSTOMERS, name),), blind=True))


def _copy() -> Call:
    effect = Effect(consults=(one(KEEP, "from"),), changes=(one(KEEP, "to"),))
    return replace(put(KEEP), operation="CopyObject", effect=effect)

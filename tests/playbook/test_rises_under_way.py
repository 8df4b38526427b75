"""A rise of the environment's label decides again what it has under way: raised, or cut (law 3).

Knows two calls of one environment at once. Does not know how bytes leave.
"""

from __future__ import annotations

import pytest

from tests.playbook.play import DROP, KEEP, PII, Play, Stage, get, put, rules
from valve_aws.course import commands as ask
from valve_aws.course.admit import admit
from valve_aws.course.commands import Lost, Reply
from valve_aws.course.visit import visit
from valve_aws.model.label import CLEAN
from valve_aws.model.ports import Outcome
from valve_aws.model.verdict import Holding, Mode


def cuts(stage: Stage) -> list[str]:
    return [command.record for _, command in stage.told if isinstance(command, ask.Cut)]


def test_an_upload_to_where_the_new_label_may_go_is_raised_before_the_read_is_sent() -> None:
    stage = Stage()
    subject = stage.subject()
    upload = stage.cross(put(KEEP), subject)
    assert stage.carries(KEEP, "k") == CLEAN
    read = stage.cross(get(), subject)
    assert isinstance(read.waits, ask.Forward)
    assert stage.carries(KEEP, "k") == PII
    assert cuts(stage) == []
    read.end()
    upload.end()
    assert stage.carries(KEEP, "k") == PII
    settled = next(r for r in stage.sink.records if r.verdict == "settled")
    assert settled.writes == PII


def test_an_upload_to_where_it_may_not_go_is_cut_before_the_read_is_sent() -> None:
    stage = Stage()
    subject = stage.subject()
    upload = stage.cross(put(DROP), subject)
    read = stage.cross(get(), subject)
    assert cuts(stage) == [upload_record(stage)]
    assert stage.order(ask.Cut, ask.Forward) == ["Forward", "Cut", "Forward"]
    upload.throw(Lost(Outcome.UNKNOWN, "cut"))
    assert isinstance(upload.waits, ask.Fail)
    read.end()


def test_in_audit_it_is_raised_and_goes_on() -> None:
    stage = Stage(Mode.AUDIT)
    subject = stage.subject()
    upload = stage.cross(put(DROP), subject)
    stage.cross(get(), subject).end()
    assert cuts(stage) == []
    upload.end()
    assert stage.carries(DROP, "k") == PII


def test_an_event_that_comes_in_decides_what_is_under_way_again() -> None:
    stage = Stage()
    subject = stage.subject()
    stage.cross(put(DROP), subject)
    Play(stage, "env", admit(stage.court, subject, "operator", Holding(PII)))
    assert len(cuts(stage)) == 1


def test_what_a_reply_brings_decides_what_is_under_way_again() -> None:
    """An invoked function's label is known only when it has answered (law 11)."""
    stage = Stage()
    subject = stage.subject()
    stage.cross(put(DROP), subject)
    other = stage.cross(get("c2"), subject).answer(Reply(200, Outcome.DONE, carries=PII))
    assert isinstance(other.waits, ask.Release)
    assert len(cuts(stage)) == 1


def test_another_environments_calls_are_left_alone() -> None:
    stage = Stage()
    stage.cross(put(DROP), stage.subject(name="one"))
    stage.cross(get(), stage.subject(name="two")).end()
    assert cuts(stage) == []


def test_a_call_that_has_ended_is_not_decided_again() -> None:
    stage = Stage()
    subject = stage.subject()
    stage.cross(put(DROP), subject).end()
    stage.cross(get(), subject).end()
    assert cuts(stage) == []
    assert stage.carries(DROP, "k") == CLEAN


def test_a_rise_that_is_opened_only_under_way_is_settled_too() -> None:
    """A clean request to another host raises nothing in the book, a labelled one does."""
    stage = Stage()
    subject = stage.subject()
    post = stage.cross(visit("http", "taken.test", 80, "/in"), subject)
    assert stage.order(ask.Raise) == []
    stage.cross(get(), subject).end()
    post.end()
    assert stage.order(ask.Raise, ask.Settle) == ["Raise", "Settle"]


@pytest.mark.parametrize("method", ["stamp", "held", "raise_"])
def test_what_a_silent_book_cannot_decide_again_is_cut_and_what_caused_it_is_refused(method: str) -> None:
    """The tags will not rise a second time: whatever was let go on now would go on for good."""
    stage = Stage()
    subject = stage.subject()
    stage.cross(put(KEEP), subject)
    event = admit(stage.court, subject, "operator", Holding(PII))
    stage.book.broken = frozenset({method})
    assert rules(Play(stage, "env", event).verdict) == {"book"}
    assert len(cuts(stage)) == 1


def upload_record(stage: Stage) -> str:
    return next(command.record for _, command in stage.told if isinstance(command, ask.Forward))

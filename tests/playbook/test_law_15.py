"""Law 15: the record precedes the act; what cannot be recorded does not happen.

Knows a sink and a book that fail. Does not know files.
"""

from __future__ import annotations

import pytest

from tests.playbook.play import KEEP, PII, Play, Stage, get, put, rules
from valve_aws.course import commands as ask
from valve_aws.course.admit import admit
from valve_aws.course.carry import turn_away
from valve_aws.course.release import log, result
from valve_aws.course.visit import connect
from valve_aws.model.call import Call, Unreadable
from valve_aws.model.label import CLEAN
from valve_aws.model.verdict import Holding, Mode

CALLS = {"a read": get(), "a write": put(KEEP), "a raw connection": connect("db.test", 5432)}


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_nothing_is_forwarded_without_its_record(mode: Mode, call: Call) -> None:
    stage = Stage(mode)
    stage.cross(call)
    before_forward = stage.told[: len(stage.told) - 1]
    if stage.forwarded():
        assert any(isinstance(command, ask.Note) for _, command in before_forward)
        assert len(stage.sink.records) == 1


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_sink_that_fails_lets_nothing_out_in_any_mode(mode: Mode, call: Call) -> None:
    stage = Stage(mode)
    stage.sink.broken = True
    assert not stage.cross(call).end().passes
    assert not stage.forwarded()
    assert stage.order()[-1] == "Refuse"


ASKED = [
    ("stamp", "a read"),
    ("held", "a read"),
    ("raise_", "a write"),
    ("stamp", "a raw connection"),
]
"""What each call needs the book for; one that neither reads nor writes cells, to know that it is there."""


@pytest.mark.parametrize("mode", [Mode.AUDIT, Mode.ENFORCE])
@pytest.mark.parametrize(("method", "call"), ASKED)
def test_a_book_that_fails_lets_nothing_out(mode: Mode, method: str, call: str) -> None:
    stage = Stage(mode)
    stage.book.broken = frozenset({method})
    assert rules(stage.cross(CALLS[call], stage.subject(CLEAN)).end()) == {"book"}
    assert not stage.forwarded()


def test_a_call_that_a_silent_book_stops_leaves_a_record_of_the_refusal() -> None:
    stage = Stage()
    stage.book.broken = frozenset({"raise_"})
    play = stage.cross(put(KEEP), stage.subject(PII))
    assert isinstance(play.waits, ask.Refuse)
    last = stage.sink.records[-1]
    assert (last.ident, last.verdict, str(last.reasons[0].rule)) == (play.waits.record, "refuse", "book")


def test_the_operator_is_told_of_a_refusal_that_cannot_be_recorded() -> None:
    stage = Stage()
    stage.sink.broken = True
    stage.cross(get()).end()
    assert [str(record.reasons[0].rule) for record in stage.seen] == ["book"]


def test_what_cannot_be_read_is_refused_even_where_nothing_can_be_recorded() -> None:
    stage = Stage()
    stage.sink.broken = True
    play = Play(stage, "env", turn_away(stage.court, stage.subject(), Unreadable("two of them")))
    assert isinstance(play.waits, ask.Refuse)
    assert len(stage.seen) == 1


@pytest.mark.parametrize("mode", list(Mode))
def test_an_event_that_cannot_be_recorded_does_not_come_in(mode: Mode) -> None:
    stage = Stage(mode)
    stage.sink.broken = True
    play = Play(stage, "env", admit(stage.court, stage.subject(), "operator", Holding(CLEAN)))
    assert not play.verdict.passes


@pytest.mark.parametrize("mode", list(Mode))
def test_a_result_that_cannot_be_recorded_does_not_leave(mode: Mode) -> None:
    stage = Stage(mode)
    stage.sink.broken = True
    assert not Play(stage, "env", result(stage.court, stage.subject())).verdict[1].passes


def test_a_labelled_line_that_cannot_be_recorded_does_not_leave() -> None:
    stage = Stage(Mode.AUDIT)
    stage.sink.broken = True
    line, verdict = Play(stage, "env", log(stage.court, stage.subject(PII), "alice")).verdict
    assert "alice" not in line
    assert not verdict.passes

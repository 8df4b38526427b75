"""How events come in, and results and log lines go out (laws 1 and 11), in every mode.

Knows what joins, what is recorded and what is let go. Does not know environments.
"""

from __future__ import annotations

import pytest

from tests.playbook.play import PII, Play, Stage, rules, verdicts
from valve_aws.course.admit import admit
from valve_aws.course.release import log, result
from valve_aws.course.subject import Subject
from valve_aws.model.label import CLEAN
from valve_aws.model.verdict import Holding, Mode


def admitted(stage: Stage, subject: Subject, label: frozenset[str]) -> Play:
    return Play(stage, "env", admit(stage.court, subject, "operator", Holding(label)))


def test_an_events_label_joins_before_anything_else_happens() -> None:
    stage = Stage()
    subject = stage.subject()
    play = admitted(stage, subject, PII)
    assert play.verdict.passes
    assert subject.label == PII
    assert (stage.sink.records[0].operation, stage.sink.records[0].joined) == ("Admit", PII)


@pytest.mark.parametrize("mode", list(Mode))
def test_an_event_beyond_the_clearance_is_refused_only_when_enforced(mode: Mode) -> None:
    stage = Stage(mode)
    subject = stage.subject(function="Blind")
    play = admitted(stage, subject, PII)
    assert play.verdict.passes is (mode is not Mode.ENFORCE)
    assert rules(play.verdict) == (set() if mode is Mode.OFF else {"clearance"})
    assert subject.label == (PII if mode is Mode.AUDIT else CLEAN)
    assert len(stage.sink.records) == 1


@pytest.mark.parametrize("mode", list(Mode))
def test_a_result_that_may_not_leave_is_held_back_only_when_enforced(mode: Mode) -> None:
    stage = Stage(mode)
    ident, verdict = Play(stage, "env", result(stage.court, stage.subject(PII))).verdict
    assert verdict.passes is (mode is not Mode.ENFORCE)
    assert rules(verdict) == (set() if mode is Mode.OFF else {"result"})
    assert (stage.sink.records[0].ident, stage.sink.records[0].operation) == (ident, "Result")


def test_a_clean_result_leaves() -> None:
    stage = Stage()
    assert Play(stage, "env", result(stage.court, stage.subject())).verdict[1].passes


@pytest.mark.parametrize(
    ("mode", "leaves"), [(Mode.OFF, "ORD-7 alice"), (Mode.AUDIT, "ORD-7 alice"), (Mode.ENFORCE, "ORD-7")]
)
def test_of_a_labelled_line_only_the_released_shapes_leave_when_enforced(mode: Mode, leaves: str) -> None:
    stage = Stage(mode)
    line, verdict = Play(stage, "env", log(stage.court, stage.subject(PII), "ORD-7 alice")).verdict
    assert line.split("=")[-1].strip() == leaves
    assert rules(verdict) == (set() if mode is Mode.OFF else {"log"})


def test_a_clean_line_leaves_without_a_record() -> None:
    stage = Stage()
    assert Play(stage, "env", log(stage.court, stage.subject(), "hello")).verdict[0] == "hello"
    assert verdicts(stage.sink.records) == []

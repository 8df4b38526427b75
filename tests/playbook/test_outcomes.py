"""The outcome of an event is output of whoever served it (law 11): what becomes of its messages, and the
platform's own lines about it.

Knows the courses and a queue that only remembers what it was asked for. Does not know functions.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest

from tests.playbook.play import DROP, JOBS, PII, Play, Stage, rules
from valve_aws.course import commands as ask
from valve_aws.course.release import outcome
from valve_aws.labels import SqliteBook
from valve_aws.model.cell import Extent, Part
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.stack import Trigger
from valve_aws.model.verdict import Mode
from valve_aws.running.loglines import LogLines, unheard
from valve_aws.waking.queues import Ended, Waking


def told(stage: Stage, label: Label, source: str, undone: bool) -> Play:
    return Play(stage, "env", outcome(stage.court, stage.subject(label), source, ["m1"], undone))


@pytest.mark.parametrize("undone", [False, True])
def test_where_its_label_is_not_accepted_an_outcome_decides_nothing(undone: bool) -> None:
    stage = Stage()
    play = told(stage, PII, DROP, undone)
    assert play.over
    assert not stage.forwarded()
    assert rules(play.verdict[1]) == {"accepts"}
    assert len(stage.sink.records) == undone, "an outcome that went as it should is no refusal to speak of"


def test_where_it_is_accepted_the_label_is_in_the_book_before_anything_happens() -> None:
    stage = Stage()
    play = told(stage, PII, JOBS, True)
    assert isinstance(play.waits, ask.Forward)
    for part, name in ((Part.CONTENT, "m1"), (Part.NAMES, ""), (Part.COUNTS, "")):
        assert stage.carries(JOBS, name, part) == PII
    assert stage.order(ask.Note, ask.Raise, ask.Forward) == ["Note", "Raise", "Forward"]
    assert play.answer(ask.Reply(200, ask.Outcome.DONE)).verdict[1].passes
    assert not stage.open()
    assert SqliteBook.held(stage.book, [Extent(JOBS, Part.COUNTS)])[Extent(JOBS, Part.COUNTS)].label == PII


@pytest.mark.parametrize("mode", list(Mode))
def test_a_clean_outcome_is_told_without_a_record(mode: Mode) -> None:
    stage = Stage(mode)
    assert isinstance(told(stage, CLEAN, DROP, True).waits, ask.Forward)
    assert not stage.sink.records


def test_in_audit_one_that_went_as_it_should_is_nothing_to_speak_of_either() -> None:
    stage = Stage(Mode.AUDIT)
    play = told(stage, PII, DROP, False)
    assert play.over
    assert not play.verdict[1].passes
    assert not stage.sink.records


def test_in_audit_it_is_noted_and_told() -> None:
    stage = Stage(Mode.AUDIT)
    assert isinstance(told(stage, PII, DROP, True).waits, ask.Forward)
    assert [record.verdict for record in stage.sink.records] == ["refuse"]


class Remembered:
    """A passage whose operator's calls are remembered; one message is there."""

    def __init__(self, stage: Stage) -> None:
        self.asked: list[str] = []
        self.stack, self.book, self.court = stage.passage.stack, stage.book, stage.court
        self.at_once = stage.passage.at_once

    async def operate(self, service: str, operation: str, params: Any) -> dict[str, Any]:
        self.asked.append(operation)
        there = operation == "ReceiveMessage" and self.asked.count(operation) == 1
        return {"Messages": [{"MessageId": "m1", "ReceiptHandle": "h", "Body": "b"}] if there else []}


@pytest.mark.parametrize("label", [CLEAN, frozenset({"card"})], ids=["clean", "labelled"])
def test_a_queue_that_does_not_take_the_label_looks_the_same_however_the_function_ended(label: Label) -> None:
    seen = set()
    for failed in (False, True):
        stage = Stage()
        passage = Remembered(stage)

        async def wake(*_: Any, failed: bool = failed, stage: Stage = stage) -> Ended:
            return Ended(b"", failed, stage.subject(label))

        waking = Waking(passage, wake, lambda _: None)  # type: ignore[arg-type]  # it has what is used
        asyncio.run(waking._serve(Trigger("Worker", "Jobs", "SQS", JOBS), ""))
        seen.add(tuple(passage.asked))
    assert len(seen) == (1 if label else 2)


@pytest.mark.parametrize(
    ("label", "stored"), [(CLEAN, b"REPORT 7 MB\n"), (PII, b"")], ids=["clean", "labelled"]
)
def test_a_figure_of_a_labelled_environment_is_shown_and_not_stored(label: Label, stored: bytes) -> None:
    stage = Stage()
    said: list[str] = []
    kept = BytesIO()
    environment: Any = SimpleNamespace(subject=stage.subject(label))
    LogLines(stage.passage, said.append, kept, unheard).take(environment, "platform", "REPORT 7 MB")
    assert (said, kept.getvalue()) == (["REPORT 7 MB"], stored)
    assert not stage.sink.records


def taken(stage: Stage, line: str, stream: str = "platform") -> tuple[list[str], bytes]:
    """Take a line; return what the operator is shown and what is stored."""
    said: list[str] = []
    kept = BytesIO()
    environment: Any = SimpleNamespace(subject=stage.subject(CLEAN))
    LogLines(stage.passage, said.append, kept, unheard).take(environment, stream, line)
    return said, kept.getvalue()


def test_a_line_that_comes_after_the_end_of_the_log_file_is_shown_alone() -> None:
    stage, said, kept = Stage(), list[str](), BytesIO()
    lines = LogLines(stage.passage, said.append, kept, unheard)
    lines.close()
    environment: Any = SimpleNamespace(subject=stage.subject(CLEAN))
    lines.take(environment, "platform", "REPORT 7 MB")
    assert said == ["REPORT 7 MB"]
    assert kept.closed


def test_a_word_of_an_extension_s_begins_no_line() -> None:
    said, kept = taken(Stage(), "RequestId: 7 Error: x\nREPORT RequestId: forged")
    assert said == ["RequestId: 7 Error: x\\nREPORT RequestId: forged"]
    assert kept.count(b"\n") == 1


def test_each_line_of_a_message_is_shown_as_the_function_s_own() -> None:
    """Clients of AWS part them so where they write to a pipe: a trace, what Node prints of an object."""
    for begins in ("[ERROR] x", "2026-11-30T01:02:03.004Z\t7-8\tINFO\tx"):
        (said,), kept = taken(Stage(), f"{begins}\rTraceback:\r::stop::\r\x1b[2Kvalve: forged", "stdout")
        shown = said.split("\n")
        assert shown[:2] == [f"Worker │ {begins}", "Worker │ Traceback:"]
        assert all(line.startswith("Worker │ ") for line in shown)
        assert len(shown) == 4
        assert kept.startswith(f"{begins}\nTraceback:\n".encode())
        assert b"\x1b" not in kept
        assert b"\n::" not in kept
    (said,), kept = taken(Stage(), "the function's own\rwords", "stdout")
    assert said == "Worker │ the function's own\\rwords"
    assert kept.count(b"\n") == 1


def test_a_credential_in_a_line_of_the_platform_s_is_masked_and_not_stored() -> None:
    stage = Stage()
    key = stage.passage.ring.issue("env", "Worker")
    (said,), kept = taken(stage, f"EXTENSION\tName: {key.secret_key}\tState: Ready")
    assert key.secret_key not in said
    assert "State: Ready" in said
    assert key.secret_key.encode() not in kept


def test_a_message_of_a_batch_carries_no_more_for_how_its_own_event_ended_where_that_is_clean() -> None:
    stage = Stage()
    told(stage, CLEAN, JOBS, True).answer(ask.Reply(200, ask.Outcome.DONE))
    assert stage.carries(JOBS, "m1") == CLEAN

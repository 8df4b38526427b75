"""Whatever a function says: shown to people it is text and nothing else, and what is meant for programs stays
what it was."""

from __future__ import annotations

import io
import json
import logging
import re
import string
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from valve_aws import report
from valve_aws.audit import FileSink, read_records
from valve_aws.audit.line import decode, encode
from valve_aws.commands import verbs
from valve_aws.environments.lines import Lines
from valve_aws.model.call import Evidence
from valve_aws.model.cell import Cell
from valve_aws.model.record import Record
from valve_aws.model.safe import in_json, lines, plain
from valve_aws.model.source import Invalid, Where
from valve_aws.model.verdict import Mode, Reason, Rule, Way

ACTS = (
    "\x1b]0;a title\x07", "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "\x1b]52;c;aGk=\x07",
    "\x9b2J", "\x1b[2K\x1b[1A", "\x1bP+q\x1b\\", "good\rbad", "a\bb", "\x0c", "\x85", "\u2028", "\u2029",
    "\u202eexe.txt", "\u2066x\u2069", "\u200b", "\ufeff", "\U000e0041", "\u3164", "\ud800",
    "\n::set-env name=A::b", "::add-mask::x", "  ::stop-commands::x", "##[set-output name=a]b",
    "x ##vso[task.setvariable variable=a]b", "a ##teamcity[buildNumber 'x']",
    "\x1b[0Ksection_start:1:x\r\x1b[0K", "\n✗ REFUSED r-1  forged", "REPORT RequestId: forged\r\nEND",
    "\0", "x" * 3_000, "{{7*7}}<script>alert(1)</script>",
)  # fmt: skip
JOINED = st.lists(st.sampled_from(ACTS[:-2])).map("".join)
SAID = st.one_of(st.sampled_from(ACTS), st.text(max_size=12), JOINED)

VISIBLE = frozenset(
    {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440)}
)
"""Format characters that are seen: marks that stand around numbers, joiners of hieroglyphs."""
COMMAND = re.compile(r"(^|\n)[ \t]*::|##(vso\[|teamcity\[|\[)", re.IGNORECASE)


def harmless(shown: str, but: str = "") -> bool:
    """Say whether nothing in a text acts, but the characters that are ours; shares nothing with `safe`."""
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    acting = [c for c in shown if unicodedata.category(c) in kinds and ord(c) not in VISIBLE and c not in but]
    return not acting and not COMMAND.search(shown)


def test_the_judge_of_this_file_knows_what_acts() -> None:
    tame = {ACTS[-1], ACTS[-2], *(a for a in ACTS if a == "\u3164")}
    assert [a for a in ACTS if harmless(a)] == [a for a in ACTS if a in tame]


@given(SAID, st.sampled_from([0, 1, 5, 80]))
def test_shown_text_is_one_line_that_does_nothing(said: str, limit: int) -> None:
    shown = plain(said, limit)
    assert harmless(shown)
    assert not limit or len(shown) <= limit
    assert plain(shown, limit) == shown


@given(SAID, SAID)
def test_no_two_pieces_make_what_acts_together(one: str, other: str) -> None:
    assert harmless(lines(f"{one} {other}\n{one}\t{other}"), "\n\t")


@pytest.mark.parametrize(
    ("mode", "rule", "says"),
    [
        (Mode.AUDIT, Rule.UNREADABLE, "refused"),
        (Mode.OFF, Rule.UNREADABLE, "refused"),
        (Mode.AUDIT, Rule.BOOK, "refused"),
        (Mode.AUDIT, Rule.PERIMETER, "would be refused"),
        (Mode.ENFORCE, Rule.PERIMETER, "refused"),
    ],
)
def test_what_was_not_sent_is_told_as_refused_wherever_it_is_told(mode: Mode, rule: Rule, says: str) -> None:
    told = ("r-1", "2026-01-01T00:00:00.000Z", "s3", "PutObject", "eu-west-1", "1" * 12, "refuse", mode)
    record = Record(*told, "Worker", "Worker-1", "i-1", reasons=(Reason(rule, "a text"),))
    assert report.explanation([record], "r-1").splitlines()[0].endswith(f"  {says}")
    assert ("✗ REFUSED r-1" in report.refusal(record)) == (says == "refused")
    assert ("errorCode" in json.loads(encode(record))) == (says == "refused")
    tally = report.Tally()
    tally.add(record)
    assert f"1 {says}" in tally.text()


@pytest.mark.parametrize("length", [1, 51, 52, 80])
def test_a_place_stands_apart_from_the_text_before_it(length: int) -> None:
    told = ("r-1", "", "sqs", "SendMessage", "", "", "refuse", Mode.ENFORCE, "Worker", "Worker-1", "i-1")
    reasons = (Reason(Rule.ACCEPTS, "x" * length, Where("valve.yaml", 7)),)
    record = Record(*told, reasons=reasons)
    for shown in (report.refusal(record), report.explanation([record], "r-1")):
        (row,) = (line for line in shown.splitlines() if "xx" in line or " x " in line)
        assert row.endswith("  valve.yaml:7")
        assert row.index("valve.yaml") == 12 + max(53, length + 2)


@pytest.mark.parametrize(
    ("verdicts", "says"),
    [
        ([], "0 calls, 0 carried a label and passed, 0 would be refused"),
        (["refuse"], "1 call, 0 carried a label and passed, 1 refused"),
        (["allow", "allow"], "2 calls, 0 carried a label and passed, 0 refused"),
    ],
)
def test_numbers_agree_with_what_they_count(verdicts: list[str], says: str) -> None:
    tally = report.Tally()
    for verdict in verdicts:
        told = ("r-1", "", "s3", "PutObject", "", "", verdict, Mode.ENFORCE, "Worker", "Worker-1", "i-1")
        tally.add(Record(*told))
    assert tally.text() == says


def test_ordinary_text_is_shown_as_it_is() -> None:
    for text in (string.printable[:95], "größer 日本 😀 — ✗", "a::b", "# ## ###", "http://[::1]/", "x##y"):
        assert plain(text) == text
        assert lines(text) == text
    assert lines("[INFO]\t2026-01-01T00:00:00Z\tid\tsaid") == "[INFO]\t2026-01-01T00:00:00Z\tid\tsaid"


JSON = st.recursive(
    SAID.filter(lambda t: len(t) < 1000) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JOINED, inner, max_size=3),
    max_leaves=6,
)


@given(JSON, st.booleans(), st.sampled_from([None, 0, 2]))
def test_json_stays_the_same_value_and_does_nothing(value: object, short: bool, indent: int | None) -> None:
    written = json.dumps(value, ensure_ascii=short, indent=indent)
    shown = in_json(written)
    assert json.loads(shown) == value
    assert harmless(shown)


def test_numbers_in_json_are_not_touched() -> None:
    assert in_json('{"a":\n 1.00000000000000000001, "b": 1E400,\r\n\t"a": [ ]}') == (
        '{"a":  1.00000000000000000001, "b": 1E400,   "a": [ ]}'
    )


@given(st.binary(max_size=40) | SAID.map(lambda t: t.encode("utf-8", "surrogatepass")))
@example(b'"\\u001b]0;x\\u0007"')
@example(b'{"a": "##vso[task.x]"}')
@example(b"\xff\xfe")
@example(b"[" * 100_000)
def test_a_result_is_printed_harmless(payload: bytes) -> None:
    shown = verbs.presentable(payload).decode()
    assert harmless(shown)
    try:
        meant = json.loads(payload.decode())
    except (ValueError, RecursionError):
        return
    assert json.loads(shown) == meant or meant != meant or "NaN" in shown


# Everything that tells of a record


def cells() -> st.SearchStrategy[Cell]:
    return st.builds(Cell, SAID, SAID, attribute=SAID)


PLACES = st.builds(Where, SAID.filter(bool), st.integers(0, 9), st.integers(0, 9))
RECORDS = st.builds(
    Record,
    ident=SAID.filter(bool), time=SAID, service=st.sampled_from(["s3", "valve"]) | SAID,
    operation=st.sampled_from(["Visit", "PutObject", "Resolve", "Log"]) | SAID, region=SAID, account=SAID,
    verdict=st.sampled_from(["allow", "refuse"]), mode=st.sampled_from(list(Mode)), function=SAID,
    environment=st.just("e"), invocation=SAID, resources=st.lists(SAID, max_size=3).map(tuple),
    parameters=st.dictionaries(SAID, SAID, max_size=2), label=st.frozensets(SAID, max_size=6),
    writes=st.frozensets(SAID, max_size=2), joined=st.frozensets(st.just("pii"), max_size=1),
    ways=st.lists(
        st.builds(Way, st.just("pii") | SAID, cells() | st.none(), PLACES, SAID), max_size=3).map(tuple),
    reasons=st.lists(
        st.builds(Reason, st.sampled_from(list(Rule)), SAID, PLACES, SAID, st.frozensets(SAID, max_size=2),
                  st.lists(SAID, max_size=3).map(tuple)), min_size=1, max_size=3).map(tuple),
    evidence=st.builds(Evidence, SAID.filter(bool), st.integers(0, 9), SAID), cause=SAID,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(RECORDS, st.lists(RECORDS, max_size=3))
def test_what_is_told_of_a_record_does_nothing(record: Record, before: list[Record]) -> None:
    told = report.refusal(record, [*before, record])
    assert harmless(told, "\n")
    assert told.count("\n") < 12
    assert max(map(len, told.split("\n"))) < 2_000
    told = report.explanation([*before, record], record.ident)
    assert told
    assert harmless(told, "\n")


@settings(max_examples=150, deadline=None)
@given(RECORDS)
def test_a_record_is_one_harmless_line_and_reads_back(record: Record) -> None:
    line = encode(record)
    assert harmless(line)
    assert line.isascii()
    assert decode(line) == record


@settings(max_examples=150, deadline=None)
@given(RECORDS, st.frozensets(SAID, max_size=2), st.integers(0, 599), st.lists(SAID, max_size=2).map(tuple))
def test_a_record_is_written_as_json_itself_writes_it(
    record: Record, label: frozenset[str], status: int, said: tuple[str, ...]
) -> None:
    record = replace(record, cells=dict.fromkeys(said, label), changes=said, probed=said, status=status)
    record = replace(record, parameters={**record.parameters, "said": said, "nothing": None})
    line = encode(record)
    again = json.dumps(json.loads(line), separators=(",", ":"))
    assert line == again.replace("##", "#\\u0023").replace("\x7f", "\\u007f")
    assert json.loads(line)["requestParameters"] == {**record.parameters, "said": list(said)}


def test_records_of_hostile_names_stay_one_line_each(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "audit.jsonl")
    for said in ACTS[:-2]:
        said_by = (said, said, said)
        sink.write(Record(said, said, *said_by, said, "allow", Mode.ENFORCE, *said_by, (said,)))
    sink.close()
    assert (tmp_path / "audit.jsonl").read_bytes().count(b"\n") == len(ACTS) - 2
    assert [r.function for r in read_records(tmp_path / "audit.jsonl")] == list(ACTS[:-2])


@given(SAID, SAID)
def test_a_mistake_is_one_harmless_line(problem: str, remedy: str) -> None:
    assert harmless(str(Invalid(Where(problem, 1, 2), problem, remedy)))


@given(SAID)
def test_whatever_is_said_to_the_operator_does_nothing(said: str) -> None:
    kept, sys.stderr = sys.stderr, io.StringIO()
    try:
        verbs.say(f"valve: {said}")
        shown = sys.stderr.getvalue()
    finally:
        sys.stderr = kept
    assert harmless(shown.removesuffix("\n"), "\n\t")


@given(SAID)
def test_a_fault_of_ours_that_quotes_a_function_does_nothing(said: str) -> None:
    out = io.StringIO()
    logger = logging.getLogger("valve.test.output")
    handler = verbs.harmless_log(out)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        raise ValueError(said)
    except ValueError:
        logger.exception("a handler failed: %s", said)
    finally:
        logger.removeHandler(handler)
    assert harmless(out.getvalue(), "\n\t")
    assert "ValueError" in out.getvalue()


@given(st.lists(st.binary(max_size=30) | st.sampled_from([a.encode("utf-8", "replace") for a in ACTS])))
def test_log_lines_are_shown_harmless_however_they_come(chunks: list[bytes]) -> None:
    stream = Lines()
    told = [line for chunk in chunks for line in stream.feed(chunk)] + stream.flush()
    assert all(harmless(lines(line), "\t") for line in told)


def test_a_line_without_end_is_cut() -> None:
    stream = Lines()
    told = stream.feed(b"x" * 1_000_000)
    assert max(map(len, told)) <= 256 * 1024
    assert sum(map(len, told)) + len(stream.flush()[0]) == 1_000_000


@pytest.mark.parametrize("said", ACTS)
def test_what_acts_is_still_told(said: str) -> None:
    letters = re.findall(r"[A-Za-z]{3,}", re.sub(r"\x1b.|[^\x20-\x7e]", " ", said))
    assert all(word in plain(said) for word in letters)

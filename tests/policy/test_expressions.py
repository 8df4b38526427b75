"""The shapes of released values: what is understood is what is handed on, quick on whatever it meets."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valve_aws.model.source import Invalid, Where
from valve_aws.policy.expressions import LONGEST, read

HERE = Where("valve.yaml", 3, 7)


@pytest.mark.parametrize(
    ("shape", "fits", "not_so"),
    [
        ("ORD-[0-9]{1,9}", ["ORD-1", "ORD-123456789"], ["ORD-", "ord-1", "ORD-1234567890"]),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ["0" * 8 + "-0000" * 3 + "-" + "f" * 12], ["0" * 36]),
        (r"\d{1,3}(\.\d{1,3}){3}", ["10.0.0.255"], ["10.0.0", "١.٢.٣.٤"]),
        ("ok|fail(ed)?", ["ok", "fail", "failed"], ["o", "okfailed"]),
        (r"[\w.-]{1,8}@x\.test", ["a.b@x.test"], ["é@x.test", "a@x-test"]),
        ("[]x-]{2}", [], []),
        (r"[\]x-]{2}", ["]-", "xx"], ["]"]),
        ("(?:a|bc){2}", ["abc", "aa"], ["a"]),
        ("é{1,2}", ["é"], ["e"]),
        ("a{0,2}b", ["b", "aab"], ["aaab"]),
    ],
)
def test_a_shape_matches_what_it_says(shape: str, fits: list[str], not_so: list[str]) -> None:
    if not fits:
        with pytest.raises(Invalid):
            read(shape, HERE)
        return
    expression = re.compile(read(shape, HERE).text)
    assert all(expression.fullmatch(text) for text in fits)
    assert not any(expression.fullmatch(text) for text in not_so)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("", "may be empty"),
        ("a{0,3}", "may be empty"),
        ("a||b", "may be empty"),
        ("a.b", "lets anything go"),
        ("[^,]{1,3}", "lets anything go"),
        ("[ -~]{1,3}", "lets anything go"),
        ("a*", "no end"),
        ("a+", "no end"),
        ("a{2,}", "no end"),
        ("a{99999999999}", "no end"),
        ("a{3,2}", "ends before"),
        ("a{0}", "ends before"),
        ("[a-z]{1,9}{2}", "repeat is repeated"),
        ("a{1,9}?", "repeat is repeated"),
        ("([0-9]{1,9}){1,9}", "too many ways"),
        ("(a|a){1,9}", "too many ways"),
        ("(a|ab|b){1,99}c", "too many ways"),
        ("[a-z]{1,30}[a-z]{1,30}[a-z]{1,30}", "too many ways"),
        ("a?" * 20 + "a" * 20, "too many ways"),
        ("[a-z]{1,300}", "longer than"),
        ("(abc){200}", "longer than"),
        ("(?=x)a", "(?"),
        ("(?i)a", "(?"),
        ("(?P<n>a)", "(?"),
        (r"(a)\1", "not known"),
        (r"\bword", "not known"),
        (r"\s", "not known"),
        (r"[\s]", "not known"),
        ("^a$", "not needed"),
        ("[a", "not closed"),
        ("[]", "empty"),
        ("[z-a]", "backwards"),
        ("[é]", "ASCII"),
        ("(a", "not closed"),
        ("a)", "closes nothing"),
        ("a]", "closes nothing"),
        ("?a", "repeats nothing"),
        ("a\x07", "cannot be shown"),
        ("((((((a))))))", "too deeply"),
        ("(" * 500, "too deeply"),
        ("a\\", "not known"),
    ],
)
def test_a_shape_that_is_slow_or_lets_anything_go_is_refused(shape: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(shape, HERE)
    assert words in caught.value.problem
    assert caught.value.where == HERE
    assert caught.value.remedy


def test_a_shape_tells_how_much_a_value_of_it_can_carry() -> None:
    assert read("[01]{8}", HERE).bits == 8
    assert 32 < read("ORD-[0-9]{1,9}", HERE).bits < 34
    assert read("ORD", HERE).bits == 0
    assert read("yes|no", HERE).bits == 1


def test_what_was_understood_is_understood_again() -> None:
    for shape in (r"\d{1,3}(\.\d{1,3}){3}", "ok|fail(ed)?", r"[\]\\^a-]{1,2}x?"):
        once = read(shape, HERE)
        assert read(once.text, HERE) == once


PARTS = st.sampled_from([r"\d", r"\w", "[a-f]", "a", "ab", "-", "(a|b)", "(ab|a)", r"(\.\d{1,3})", "|"])
REPEATS = st.sampled_from(["", "", "{2}", "{1,9}", "{0,3}", "?", "{1,60}"])
HOSTILE = st.sampled_from(["a", "0", "ab", "a-", "0.", "aaab", "-", "1.1", "a0"])


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(PARTS, REPEATS), min_size=1, max_size=6), HOSTILE)
def test_no_accepted_shape_is_slow_on_a_hostile_line(parts: list[tuple[str, str]], unit: str) -> None:
    shape = "".join(part + ("" if part == "|" else repeat) for part, repeat in parts)
    try:
        expression = re.compile(rf"(?<![\w-])(?:{read(shape, HERE).text})(?![\w-])")
    except Invalid:
        return
    line = (unit * 4096)[:4096]
    began = time.process_time()
    expression.search(line)
    assert time.process_time() - began < 1


@given(st.text("[](){}?*+|\\^$.-,:=<!P0123456789abw", max_size=24))
def test_any_text_is_a_shape_or_a_mistake(text: str) -> None:
    try:
        found = read(text, HERE)
    except Invalid:
        return
    longest = re.compile(found.text)
    assert not longest.fullmatch("")
    assert not longest.fullmatch("a" * (LONGEST + 1))

"""JSON, strict, with positions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws.model.source import Invalid, Where
from valve_aws.text import event, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def refusal(text: str | bytes) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse(text, "e.json")
    with pytest.raises(Invalid) as plain:
        event(text, "e.json")
    assert plain.value.where.file == "e.json"
    return caught.value


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_what_json_writes_is_read_back(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    if any(0xD800 <= ord(c) < 0xE000 for c in str(json.loads(text))):
        return
    assert parse(text, "e.json").plain() == value
    assert event(text, "e.json") == value


def test_every_value_and_key_knows_its_place() -> None:
    node = parse('{\n  "a": [1,\n    {"b": null}]}', "e.json")
    assert node.keys["a"] == Where("e.json", 2, 3)
    inner = node.value["a"].value[1]
    assert inner.where == Where("e.json", 3, 5)
    assert inner.value["b"].where == Where("e.json", 3, 11)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('{"a": 1,}', "1:9", "where a key in double quotes was expected"),
        ('{"a" 1}', "1:6", "where `:` was expected"),
        ("[1 2]", "1:4", "where `,` or `]` was expected"),
        ("[1,]", "1:4", "where a value was expected"),
        ('{"a": NaN}', "1:7", "where a value was expected"),
        ('["x\n"]', "1:4", "control character"),
        ('["\\q"]', "1:3", "escape"),
        ('["abc', "1:2", "unterminated"),
        ("[01]", "1:3", "where `,` or `]` was expected"),
        ('{"a": 1, "a": 2}', "1:10", "`a` is written twice, first at e.json:1:2"),
        ('["\\ud800"]', "1:2", "surrogate"),
        ("{} {}", "1:4", "after the end of the value"),
        ("[" * 100_000, "1:101", "deeper"),
        ("[" + "1" * 5000 + "]", "1:2", "digits"),
        ('{"a": \x00}', "1:7", "U+0000"),
        (b'["\xff"]', "1:3", "not UTF-8"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str | bytes, place: str, words: str) -> None:
    message = str(refusal(text))
    assert message.startswith(f"e.json:{place}: ")
    assert words in message.split(": ", 1)[1]


def test_json_is_recognised_by_its_brace_when_the_name_does_not_tell() -> None:
    assert parse('{"a": 012}', "x.template", "yaml").plain() == {"a": "012"}
    assert parse('{\t"a": [1,\n\t2]}', "x.template").plain() == {"a": [1, 2]}
    assert parse("{a: b}", "x.template").plain() == {"a": "b"}


def test_the_kind_that_is_asked_for_wins_over_the_name() -> None:
    assert parse("a: b", "x.json", "yaml").plain() == {"a": "b"}
    with pytest.raises(Invalid):
        parse("a: b", "x.yaml", "json")


def test_a_large_event_is_read_in_one_go() -> None:
    big = {"rows": [{"n": n, "text": "x" * 40} for n in range(60_000)]}
    assert event(json.dumps(big), "e.json") == big

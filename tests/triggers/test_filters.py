"""Event filtering as the Lambda developer guide has it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from valve_aws.triggers import fits, readable

RECORD = {
    "messageId": "m-1",
    "body": json.dumps({"data": {"type": "TEST", "n": 7, "tags": ["a", "b"], "no": None, "yes": True}}),
    "attributes": {"MessageGroupId": "g-1"},
}


def mapping(*patterns: Any) -> dict[str, Any]:
    return {"FilterCriteria": {"Filters": [{"Pattern": json.dumps(p)} for p in patterns]}}


def data(**rules: Any) -> dict[str, Any]:
    return {"body": {"data": rules}}


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        data(type=["TEST"]),
        data(type=["PROD", "TEST"]),
        data(type=[{"prefix": "TE"}]),
        data(type=[{"suffix": "ST"}]),
        data(type=[{"equals-ignore-case": "test"}]),
        data(type=[{"anything-but": ["PROD"]}]),
        data(type=[{"anything-but": {"prefix": "PR"}}]),
        data(n=[{"numeric": [">", 5, "<=", 7]}]),
        data(n=[7.0]),
        data(tags=["b"]),
        data(no=[None]),
        data(yes=[True]),
        data(gone=[{"exists": False}]),
        {"body": {"gone": {"deeper": [{"exists": False}]}}},
        {"body": {"data": [{"exists": False}]}},
        {"body": {"data": {"$or": [{"type": ["PROD"]}, {"n": [7]}]}}},
        {"attributes": {"MessageGroupId": ["g-1"]}},
    ],
)
def test_a_message_that_fits_wakes_the_function(pattern: dict[str, Any]) -> None:
    assert readable(json.dumps(pattern))
    assert fits(RECORD, mapping(pattern))
    assert fits(RECORD, mapping(data(type=["PROD"]), pattern))


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "null",
        "[]",
        '{"a": "b"}',
        '{"a": []}',
        '{"a": {}}',
        '{"a": [["b"]]}',
        '{"a": [{"near": "b"}]}',
        '{"a": [{"prefix": "b", "suffix": "c"}]}',
        '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"numeric": ["about", 1]}]}',
        '{"a": [{"exists": 1}]}',
        '{"$or": [{"a": "b"}]}',
        '{"a": ' * 900 + '["b"]' + "}" * 900,
    ],
)
def test_a_pattern_that_no_record_could_be_held_against_cannot_be_read(text: str) -> None:
    assert not readable(text)


@pytest.mark.parametrize(
    "pattern",
    [
        data(type=["PROD"]),
        data(type=["TEST"], n=[8]),
        data(n=[{"numeric": [">", 7]}]),
        data(n=["7"]),
        data(yes=[1]),
        data(gone=["x"]),
        data(gone=[{"exists": True}]),
        {"body": {"data": [{"exists": True}]}},
        data(type=[{"anything-but": "TEST"}]),
        {"attributes": {"MessageGroupId": ["g-2"]}},
    ],
)
def test_a_message_that_does_not_fit_wakes_nobody(pattern: dict[str, Any]) -> None:
    assert not fits(RECORD, mapping(pattern))


def test_a_body_that_is_no_json_never_fits_a_pattern_that_looks_into_it() -> None:
    assert not fits({**RECORD, "body": "plain"}, mapping(data(type=["TEST"])))
    assert fits({**RECORD, "body": "plain"}, mapping({"body": ["plain"]}))


def test_without_filters_everything_wakes_the_function() -> None:
    assert fits(RECORD, {})
    assert fits(RECORD, {"FilterCriteria": {"Filters": []}})


@pytest.mark.parametrize("pattern", ["x", ["x"], {"body": "x"}, data(type=[{"sounds-like": "T"}])])
def test_a_pattern_that_cannot_be_read_is_said_to_be_so(pattern: Any) -> None:
    with pytest.raises(ValueError, match=r"pattern|neither|not known"):
        fits(RECORD, mapping(pattern))


def test_a_body_of_nothing_but_brackets_fits_nothing() -> None:
    assert not fits({**RECORD, "body": "[" * 200_000}, mapping({"body": {"a": [1]}}))

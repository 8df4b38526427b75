"""What services tell of what happened, and when schedules are due: patterns, notifications, events, times.

Knows the pure shapes. Does not know a valve.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from valve_aws.triggers import buses, filters, objects, schedules, topics
from valve_aws.triggers.topics import Notice

EVENT = {
    "source": "shop",
    "detail-type": "Order",
    "detail": {"kind": "card", "total": 30, "ip": "10.0.0.7", "items": [{"id": "a b"}], "note": None},
}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"source": ["shop"]}, True),
        ({"source": ["other"]}, False),
        ({"source": [{"prefix": "sh"}], "detail": {"total": [{"numeric": [">", 20, "<=", 30]}]}}, True),
        ({"source": [{"wildcard": "s*p"}]}, True),
        ({"source": [{"prefix": {"equals-ignore-case": "SH"}}]}, True),
        ({"source": [{"anything-but": {"prefix": "sh"}}]}, False),
        ({"source": [{"anything-but": {"wildcard": ["x*", "y*"]}}]}, True),
        ({"source": [{"anything-but": ["shop"]}]}, False),
        ({"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}}, True),
        ({"detail": {"ip": [{"cidr": "10.0.1.0/24"}]}}, False),
        ({"detail": {"items": {"id": ["a b"]}}}, True),
        ({"detail": {"note": [None]}}, True),
        ({"detail": {"missing": [{"exists": False}]}}, True),
        ({"$or": [{"source": ["x"]}, {"detail": {"kind": ["card"]}}]}, True),
    ],
)
def test_a_pattern_fits_as_eventbridge_has_it(pattern: Any, fits: bool) -> None:
    assert filters.matches(EVENT, json.dumps(pattern)) is fits


@pytest.mark.parametrize(
    ("target", "given"),
    [
        ({}, EVENT),
        ({"Input": '{"fixed": 1}'}, {"fixed": 1}),
        ({"InputPath": "$.detail.items[0]"}, {"id": "a b"}),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {
                        "kind": "$.detail.kind",
                        "total": "$.detail.total",
                        "all": "$.detail.items",
                    },
                    "InputTemplate": '{"k": <kind>, "n": <total>, "t": "a <kind> of <total>", "all": <all>}',
                }
            },
            {"k": "card", "n": 30, "t": "a card of 30", "all": [{"id": "a b"}]},
        ),
    ],
)
def test_a_target_gets_what_it_asks_for(target: Any, given: Any) -> None:
    assert json.loads(buses.shaped(EVENT, target)) == given


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("rate(5 minutes)", "2026-01-01T00:00:00", "2026-01-01T00:05:00"),
        ("rate(1 day)", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),
        ("cron(0/15 * * * ? *)", "2026-01-01T00:16:00", "2026-01-01T00:30:00"),
        ("cron(0 10 * * ? *)", "2026-01-01T10:00:00", "2026-01-02T10:00:00"),
        ("cron(0 18 ? * MON-FRI *)", "2026-01-02T18:00:00", "2026-01-05T18:00:00"),
        ("cron(0 8 1 * ? *)", "2026-01-02T00:00:00", "2026-02-01T08:00:00"),
        ("cron(0 8 L * ? *)", "2026-01-02T00:00:00", "2026-01-31T08:00:00"),
        ("cron(0 8 ? * 6#3 *)", "2026-01-01T00:00:00", "2026-01-16T08:00:00"),
        ("cron(0 8 ? * 6L *)", "2026-01-01T00:00:00", "2026-01-30T08:00:00"),
        ("cron(0 8 3W * ? *)", "2026-01-01T00:00:00", "2026-01-02T08:00:00"),
        ("cron(0 0 29 FEB ? *)", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("at(2026-03-01T12:00:00)", "2026-01-01T00:00:00", "2026-03-01T12:00:00"),
    ],
)
def test_a_schedule_is_due_as_eventbridge_has_it(expression: str, after: str, due: str) -> None:
    assert schedules.due(expression, at(after)) == at(due)


def test_a_schedule_has_its_zone_and_may_be_over() -> None:
    zoned = schedules.due("cron(0 10 * * ? *)", at("2026-07-01T00:00:00"), "Europe/Zurich")
    assert zoned == at("2026-07-01T08:00:00")
    assert schedules.due("at(2026-01-01T00:00:00)", at("2026-01-02T00:00:00")) is None
    assert schedules.due("cron(0 10 * * ? 2025)", at("2026-01-02T00:00:00")) is None


@pytest.mark.parametrize("wrong", ["rate(0 minutes)", "cron(* *)", "cron(0 x * * ? *)", "every day"])
def test_a_schedule_that_cannot_be_read_is_told(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"never|six|read|neither"):
        schedules.due(wrong, 0.0)


def test_a_bucket_tells_what_was_asked_for() -> None:
    told = {
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {
            "S3Key": {
                "Rules": [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}],
            }
        },
    }
    assert objects.wanted("ObjectCreated:Put", "in/a.jpg", told)
    assert not objects.wanted("ObjectCreated:Put", "out/a.jpg", told)
    assert not objects.wanted("ObjectCreated:Put", "in/a.png", told)
    assert not objects.wanted("ObjectRemoved:Delete", "in/a.jpg", told)
    time = "2026-01-01T00:00:00.000Z"
    happened = objects.Happened("ObjectCreated:Put", "b", "in/a b.jpg", time, "r", "eu-west-1", 3, "e")
    record = objects.record(happened, "c")
    assert record["s3"]["object"]["key"] == "in/a+b.jpg"
    assert (record["s3"]["object"]["size"], record["eventName"]) == (3, "ObjectCreated:Put")
    assert objects.detail(happened)[0] == "Object Created"


@pytest.mark.parametrize(
    ("told", "passes"),
    [
        ({}, True),
        ({"FilterPolicy": {"kind": ["a"]}}, True),
        ({"FilterPolicy": {"kind": ["b"]}}, False),
        ({"FilterPolicy": {"size": [{"numeric": [">", 2]}]}}, True),
        ({"FilterPolicy": {"tags": ["y"]}}, True),
        ({"FilterPolicy": {"m": ["1"]}, "FilterPolicyScope": "MessageBody"}, True),
        ({"FilterPolicy": {"m": ["2"]}, "FilterPolicyScope": "MessageBody"}, False),
    ],
)
def test_a_subscription_filters_by_attributes_or_by_the_body(told: Any, passes: bool) -> None:
    given = {
        "Message": '{"m": "1"}',
        "MessageAttributes": {
            "kind": {"DataType": "String", "StringValue": "a"},
            "size": {"DataType": "Number", "StringValue": "3"},
            "tags": {"DataType": "String.Array", "StringValue": '["x", "y"]'},
        },
    }
    assert topics.wanted(Notice("arn", "i", given, "t"), told) is passes

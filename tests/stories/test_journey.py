"""A label set on one attribute is followed to the last call, and the way is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import World

Stub = tuple[int, list[tuple[str, bytes]]]


@pytest.fixture
def journey(stage: Callable[[str], World], cloud: str, stub: Stub) -> World:
    world = stage("journey")
    world.backend = cloud
    world.options = ["--resolve", f"partner.test=127.0.0.1:{stub[0]}"]
    return world


def test_the_labelled_attribute_arrives_when_the_guard_is_off(journey: World, stub: Stub) -> None:
    assert (
        journey.invoke("Lookup", "-e", "events/whole.json", "--seed", "seed.yaml", "--mode", "off").code == 0
    )
    shared = journey.invoke("Share", "--mode", "off")
    assert (shared.code, shared.result) == (0, {"partner": 200})
    assert b"alice@example.org" in stub[1][0][1]


def test_the_labelled_attribute_is_followed_to_the_refused_post_and_every_station_is_told(
    journey: World, stub: Stub
) -> None:
    looked_up = journey.invoke("Lookup", "-e", "events/whole.json", "--seed", "seed.yaml")
    assert (looked_up.code, looked_up.result) == (0, {"sent": ["email", "id", "total"]})
    shared = journey.invoke("Share")
    assert shared.code == 3
    assert "REFUSED" in shared.err
    assert "https://partner.test/collect" in shared.err
    assert stub[1] == []

    told = journey.valve("explain", "last").out.splitlines()
    way = [line.split(None, 1)[1] for line in told[told.index("  the way of pii/email") + 1 :]]
    stations = [
        "Customers/c1.email",
        "Lookup dynamodb:GetItem Customers",
        "Lookup sqs:SendMessage Jobs",
        "Keep takes in an event of Jobs",
        "Keep s3:PutObject Files",
        "Share s3:GetObject Files",
        "Share https://partner.test/collect",
    ]
    assert len(way) == len(stations), told
    for line, station in zip(way, stations, strict=True):
        assert line.startswith(station), told
    assert "valve.yaml:6" in way[0]
    assert "src/lookup.py:13" in way[1]
    assert "src/keep.py:12" in way[4]


def test_in_audit_the_same_post_arrives_and_is_told(journey: World, stub: Stub) -> None:
    journey.invoke("Lookup", "-e", "events/whole.json", "--seed", "seed.yaml", "--mode", "audit")
    shared = journey.invoke("Share", "--mode", "audit")
    assert (shared.code, len(stub[1])) == (0, 1)
    assert "WOULD REFUSE" in shared.err


def test_the_same_workflow_with_unlabelled_attributes_only_reaches_the_post(
    journey: World, stub: Stub
) -> None:
    looked_up = journey.invoke("Lookup", "-e", "events/part.json", "--seed", "seed.yaml")
    assert looked_up.result == {"sent": ["id", "total"]}
    shared = journey.invoke("Share")
    assert (shared.code, shared.result) == (0, {"partner": 200})
    assert stub[1] == [("/collect", b'{"id": "c1", "total": 3}')]

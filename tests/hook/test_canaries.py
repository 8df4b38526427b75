"""Decoys in what handlers of this process let out: seen with a lookout, judged the same without one.

Knows the values that a client is given. Does not know spellings; `tests/canary` does.
"""

from __future__ import annotations

import base64
import gzip
import os
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

import valve_aws
from tests.hook.conftest import APP, at, queue
from valve_aws.canary import Lookout, Sighting, hatch

FLOCK = hatch(os.urandom)
SECRET = FLOCK.secret.value

WAYS: dict[str, Callable[[], Any]] = {
    "a message": lambda: at("sqs").send_message(QueueUrl=queue("jobs"), MessageBody=SECRET[::-1]),
    "an attribute": lambda: at("sqs").send_message(
        QueueUrl=queue("jobs"),
        MessageBody="b",
        MessageAttributes={"a": {"DataType": "Binary", "BinaryValue": gzip.compress(SECRET.encode())}},
    ),
    "a key": lambda: at("s3").put_object(Bucket="uploads-bucket", Key=SECRET.encode().hex(), Body=b""),
    "a file": lambda: at("s3").put_object(
        Bucket="uploads-bucket", Key="k", Body=BytesIO(b"x" + base64.b64encode(SECRET.encode()))
    ),
    "an attribute's name": lambda: at("dynamodb").put_item(
        TableName="customers", Item={"id": {"S": "1"}, SECRET: {"S": ""}}
    ),
}


def seen(act: Callable[[], Any], lookout: Lookout | None) -> list[Sighting]:
    """Run a handler that does so; return what was seen."""
    with valve_aws.guard(policy=APP / "valve.yaml", mode="audit", say=lambda _: None) as valve:
        assert valve.lookout is None
    valve.lookout = lookout
    with valve:
        valve.handler("Worker", lambda *_: {"status": act() and 0})({}, None)
        for sighting in lookout.sightings if lookout else ():
            assert sighting.places[0].record in {"", *(record.ident for record in valve.records)}
    return lookout.sightings if lookout else []


@pytest.mark.parametrize("way", WAYS)
def test_a_decoy_among_the_values_of_a_call_is_seen_with_its_line(way: str, cloud: Any) -> None:
    assert seen(WAYS[way], None) == []
    (sighting,) = seen(WAYS[way], Lookout(FLOCK))
    assert sighting.decoy == FLOCK.secret
    (place,) = sighting.places
    assert (place.function, place.record[:2]) == ("Worker", "r-")
    assert place.evidence.file.endswith("test_canaries.py")


def test_a_decoy_in_a_result_is_seen_and_the_operators_own_are_not(cloud: Any) -> None:
    lookout = Lookout(FLOCK)
    valve = valve_aws.guard(policy=APP / "valve.yaml", mode="audit", say=lambda _: None)
    valve.lookout = lookout
    with valve:
        at("sqs").send_message(QueueUrl=queue("jobs"), MessageBody=SECRET)
        assert lookout.sightings == []
        valve.handler("Worker", lambda *_: [{"a": SECRET}])({}, None)
    assert [(s.decoy.kind, s.places[0].operation) for s in lookout.sightings] == [("secret", "Result")]


def test_a_file_is_sent_whole_though_it_was_looked_through(cloud: Any) -> None:
    lookout = Lookout(FLOCK)
    seen(WAYS["a file"], lookout)
    body = at("s3").get_object(Bucket="uploads-bucket", Key="k")["Body"].read()
    assert body == b"x" + base64.b64encode(SECRET.encode())

"""LocalStack's own names for its stores, its links and its queue URLs mean the stores that they are.

Knows the names that LocalStack's users write. Does not know how a name is read.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.localstack.carrier import Carrier, Event
from tests.localstack.conftest import LocalStack, another
from tests.stories.world import free_port

NAME = "localhost.localstack.cloud"

PLACES = {
    "every service's, by path": (f"http://{NAME}:4566", "path"),
    "S3's own, by path": (f"http://s3.{NAME}:4566", "path"),
    "S3's of a region, by path": (f"http://s3.us-east-1.{NAME}:4566", "path"),
    "the bucket's": (f"http://s3.{NAME}:4566", "virtual"),
    "the bucket's in a region": (f"http://s3.us-east-1.{NAME}:4566", "virtual"),
    "the bucket's over TLS": (f"https://s3.{NAME}:4566", "virtual"),
    "AWS's": (None, "virtual"),
}
"""Whose name it is → (endpoint, where the bucket is named)."""

URLS = {
    "standard": f"http://sqs.us-east-1.{NAME}:",
    "domain": f"http://queue.{NAME}:",  # Why no region: LocalStack leaves out its default one
    "path": f"http://{NAME}:",
    "dynamic": "http://",
}
"""`SQS_ENDPOINT_STRATEGY` → how a queue's URL begins."""


@pytest.fixture(scope="module")
def strict(localstack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One that checks the signature of links, as AWS does, and has its own public name."""
    port = free_port()
    settings = {
        "S3_SKIP_SIGNATURE_VALIDATION": "0",
        "ENABLE_CONFIG_UPDATES": "1",
        "LOCALSTACK_HOST": f"{NAME}:{port}",
        "LAMBDA_RUNTIME_EXECUTOR": "docker",
    }
    with another(localstack, tmp_path_factory.mktemp("strict"), port, **settings) as started:
        yield started


@pytest.fixture
def carrier(tmp_path: Path, strict: LocalStack) -> Carrier:
    return Carrier.made(tmp_path, strict)


def put(place: str, key: str, bucket: str, **more: Any) -> tuple[str, Event]:
    at, style = PLACES[place]
    told = {"Bucket": bucket, "Key": key, "Body": "text"}
    config = {"s3": {"addressing_style": style}}
    return "Call", {"service": "s3", "at": at, "config": config, "do": "put_object", "with": told, **more}


def test_a_bucket_is_the_same_by_whatever_name_and_what_is_labelled_is_refused(carrier: Carrier) -> None:
    bucket, closed = carrier.name("Files"), carrier.name("Open")
    clean = [put(place, f"out/{number}", bucket) for number, place in enumerate(PLACES)]
    told = carrier.lived(*clean, *(put(place, "k", closed, labelled=True) for place in PLACES))
    assert [isinstance(each, dict) and "ETag" in each for each in told[: len(PLACES)]] == [True] * len(
        PLACES
    ), told
    assert told[len(PLACES) :] == ["AccessDenied"] * len(PLACES)
    arrived = carrier.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Key"] for entry in arrived] == [f"out/{number}" for number in range(len(PLACES))]
    assert "Contents" not in carrier.client("s3").list_objects_v2(Bucket=closed)
    writes = [r for r in carrier.records if r.operation == "PutObject"]
    assert {r.resources for r in writes} == {(f"arn:aws:s3:::{bucket}",), (f"arn:aws:s3:::{closed}",)}


def configure(strict: LocalStack, value: str) -> None:
    body = json.dumps({"variable": "SQS_ENDPOINT_STRATEGY", "value": value}).encode()
    asked = urllib.request.Request(
        f"{strict.url}/_localstack/config", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=10) as reply:
        assert reply.status == 200


@pytest.mark.parametrize("strategy", URLS)
def test_a_queue_is_the_same_by_the_url_of_each_strategy(
    strategy: str, carrier: Carrier, strict: LocalStack
) -> None:
    configure(strict, strategy)
    queue = carrier.name("Jobs")
    asked = {"service": "sqs", "do": "get_queue_url", "with": {"QueueName": queue}}
    (told,) = carrier.lived(("Call", asked))
    assert told["QueueUrl"].startswith(URLS[strategy])
    sent = {"service": "sqs", "do": "send_message", "with": {**told, "MessageBody": strategy}}
    assert "MessageId" in carrier.lived(("Call", sent))[0]
    (record,) = [r for r in carrier.records if r.operation == "SendMessage"]
    assert record.resources == (f"arn:aws:sqs:us-east-1:{carrier.account}:{queue}",)
    got = carrier.client("sqs").receive_message(**told)
    assert [message["Body"] for message in got["Messages"]] == [strategy]


def opened(link: str) -> bytes | int:
    try:
        with urllib.request.urlopen(link, timeout=20) as reply:
            return bytes(reply.read())
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_released_link_is_one_that_localstack_takes_and_another_is_not(carrier: Carrier) -> None:
    (link,) = carrier.lived(put("AWS's", "out/k", carrier.name("Files")), ("Link", {"key": "out/k"}))[1:]
    assert link.startswith(carrier.localstack.url)
    assert opened(link) == b"text"
    assert opened(link.replace("out/k", "out/l")) == 403
    (refused,) = carrier.lived(("Link", {"key": "in/k"}))
    assert refused["errorType"] == "Valve.ResultRefused"

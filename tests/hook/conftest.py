"""A stack under moto's own in-process mock, seeded through boto3 as a test body does it.

Knows moto and the template beside. Does not know the guard.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

APP = Path(__file__).parent / "app"
REGION = "us-east-1"

collect_ignore = [] if find_spec("aiobotocore") else ["test_aio.py"]
"""Why: aiobotocore holds botocore back by some days; `test_aio_apart.py` runs these beside an older one."""


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


@pytest.fixture
def cloud() -> Iterator[Any]:
    """moto in this process, with the template's resources, and nothing in them."""
    with mock_aws():
        create()
        yield boto3


@lru_cache
def at(service: str) -> Any:
    """A client older than any guard: making one takes longer than a test."""
    with mock_aws():
        return boto3.client(service, region_name=REGION)


def create() -> None:
    at("dynamodb").create_table(
        TableName="customers",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    for bucket in ("uploads-bucket", "public-bucket"):
        at("s3").create_bucket(Bucket=bucket)
    for queue in ("jobs", "vault"):
        at("sqs").create_queue(QueueName=queue)


def queue(name: str) -> str:
    url: str = at("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    return url


def waiting(name: str) -> list[str]:
    """The bodies of what is in a queue, as its backend has them, past every guard."""
    from moto.sqs.models import sqs_backends

    return [m.body for m in sqs_backends["123456789012"][REGION].get_queue(name)._messages]

"""What a seed says of stores that the template does not make."""

from __future__ import annotations

from pathlib import Path

import pytest

from valve_aws import text
from valve_aws.backend import Seed, read_seed
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Resource, Stack

OURS = Resource("Ours", "AWS::S3::Bucket", "ours", "arn:aws:s3:::ours")
STACK = Stack("app", "123456789012", "eu-west-1", {}, {"Ours": OURS})


def read(written: str) -> tuple[Seed, ...]:
    return read_seed(text.parse(written, "seed.yaml"), STACK, Path())


def test_a_bucket_that_somebody_else_made_is_created_and_filled() -> None:
    there, note = read('"arn:aws:s3:::theirs": {note.txt: hello}')
    assert (there.kind, there.creates, there.name) == ("store", "AWS::S3::Bucket", "theirs")
    assert (note.kind, note.arn, note.key, note.content) == ("object", there.arn, "note.txt", b"hello")


def test_an_empty_store_is_created_too() -> None:
    (queue,) = read('"arn:aws:sqs:eu-west-1:123456789012:old": []')
    assert (queue.kind, queue.creates, queue.name) == ("store", "AWS::SQS::Queue", "old")
    assert [s.kind for s in read('"arn:aws:s3:::theirs":')] == ["store"]


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/t", "cannot be filled by its ARN"),
        ("arn:aws:s3:::ours", "cannot be filled by its ARN"),
        ("arn:aws:s3", "cannot be filled by its ARN"),
        ("arn:aws:sqs:eu-west-1:999999999999:q", "is not of account 123456789012 in eu-west-1"),
        ("arn:aws:sqs:us-east-1:123456789012:q", "is not of account 123456789012 in eu-west-1"),
    ],
)
def test_an_arn_that_cannot_be_filled_is_a_mistake_with_its_place(arn: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        read(f'"{arn}": {{}}')
    assert str(caught.value).startswith("seed.yaml:1:1: ")

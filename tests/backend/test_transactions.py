"""A transaction that is cancelled undoes nothing that others did meanwhile.

Knows a table that many ask at once. Does not know how they are kept apart.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.backend.test_keeping import TABLE, client
from valve_aws.backend import Moto

ROUNDS = 60
"""How often each asks. Moto alone brings back two or three old texts, and fails at some of the calls."""


def test_a_cancelled_transaction_undoes_nothing_that_others_wrote_meanwhile() -> None:
    moto = Moto.start([TABLE], [], "us-east-1")

    def once() -> Any:
        return boto3.Session().client(
            "dynamodb",
            endpoint_url=moto.endpoint().url,
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def cancelled() -> Counter[str]:
        told, asking = Counter[str](), once()
        check = {
            "TableName": "t",
            "Key": {"id": {"S": "there"}},
            "ConditionExpression": "attribute_not_exists(id)",
        }
        for _ in range(ROUNDS):
            try:
                asking.transact_write_items(TransactItems=[{"ConditionCheck": check}])
            except ClientError as error:
                told[error.response["Error"]["Code"]] += 1
        return told

    def overwritten(who: int) -> None:
        asking = once()
        for number in range(ROUNDS):
            for text in ("old", "new"):
                asking.put_item(TableName="t", Item={"id": {"S": f"{who} {number}"}, "text": {"S": text}})

    try:
        once().put_item(TableName="t", Item={"id": {"S": "there"}, "text": {"S": "new"}})
        with ThreadPoolExecutor(5) as callers:
            cancelling = [callers.submit(cancelled) for _ in range(2)]
            list(callers.map(overwritten, range(3)))
            assert sum((each.result() for each in cancelling), Counter()) == {
                "TransactionCanceledException": 2 * ROUNDS
            }
        found = once().scan(TableName="t")["Items"]
        assert Counter(item["text"]["S"] for item in found) == {"new": 3 * ROUNDS + 1}
    finally:
        moto.stop()


def test_the_stream_of_a_table_tells_nothing_of_a_transaction_that_was_cancelled() -> None:
    streamed = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
    moto = Moto.start([TABLE | {"properties": {**TABLE["properties"], **streamed}}], [], "us-east-1")
    try:
        table, stream = client(moto, "dynamodb"), client(moto, "dynamodbstreams")
        table.put_item(TableName="t", Item={"id": {"S": "there"}})
        arn = table.describe_table(TableName="t")["Table"]["LatestStreamArn"]
        (shard,) = stream.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        at = stream.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        there = {"TableName": "t", "Key": {"id": {"S": "there"}}}
        steps = [
            {"Put": {"TableName": "t", "Item": {"id": {"S": "never"}}}},
            {"ConditionCheck": {**there, "ConditionExpression": "attribute_not_exists(id)"}},
        ]
        with pytest.raises(ClientError, match="TransactionCanceledException"):
            table.transact_write_items(TransactItems=steps)
        table.put_item(TableName="t", Item={"id": {"S": "after"}})
        told = [r["dynamodb"]["Keys"]["id"]["S"] for r in stream.get_records(ShardIterator=at)["Records"]]
        assert told == ["there", "after"]
    finally:
        moto.stop()

"""moto's cloud in this process, with dummy credentials: nothing can reach AWS by accident."""

import os

import boto3
import pytest
from moto import mock_aws  # before the handler's module, whose clients are made when it is imported

for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
    os.environ[name] = "testing"
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"


@pytest.fixture
def cloud(monkeypatch):
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="customers",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        url = boto3.client("sqs").create_queue(QueueName="parcels")["QueueUrl"]
        monkeypatch.setenv("PARCELS", url)
        yield url

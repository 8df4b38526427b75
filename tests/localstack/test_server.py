"""What `make localstack` has started: where it listens, and that the services behind our plugin answer.

Knows LocalStack's server from outside. Does not know the valve.
"""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.localstack.conftest import HOME, LocalStack
from tests.localstack.server import found

LISTENS = "0A"
"""The state of a listening socket (proc(5), /proc/net/tcp)."""


def test_it_listens_on_loopback_alone(localstack: LocalStack) -> None:
    port = urlsplit(localstack.url).port
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    listening = {at for _, at, _, state, *_ in rows if state == LISTENS and int(at.split(":")[1], 16) == port}
    assert {socket.inet_ntoa(bytes.fromhex(at.split(":")[0])[::-1]) for at in listening} == {"127.0.0.1"}


def test_what_it_may_write_to_lies_in_its_own_folder_and_no_credential_reaches_it(
    localstack: LocalStack,
) -> None:
    told = found(HOME)
    assert told is not None
    lines = Path(f"/proc/{told['pid']}/environ").read_bytes().decode().split("\0")
    environment = dict(line.split("=", 1) for line in lines if line)
    places = {environment[name] for name in ("FILESYSTEM_ROOT", "HOME", "TMPDIR", "XDG_CACHE_HOME")}
    assert all(Path(place).parent == HOME.folder.absolute() for place in places)
    assert environment["OVERRIDE_IN_DOCKER"] == "0"  # else it writes to /var/lib where /.dockerenv is
    assert not [name for name in environment if name.startswith("AWS_")]


def test_tables_their_streams_and_kinesis_answer_from_the_moto_that_it_carries(
    localstack: LocalStack,
) -> None:
    dynamodb, streams, kinesis = (localstack.client(s) for s in ("dynamodb", "dynamodbstreams", "kinesis"))
    made = dynamodb.create_table(
        TableName="server-things",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    dynamodb.put_item(TableName="server-things", Item={"id": {"S": "one"}})
    arn = made["TableDescription"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    asked = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    (record,) = streams.get_records(ShardIterator=streams.get_shard_iterator(**asked)["ShardIterator"])[
        "Records"
    ]
    assert record["dynamodb"]["Keys"] == {"id": {"S": "one"}}
    dynamodb.delete_table(TableName="server-things")
    kinesis.create_stream(StreamName="server-flow", ShardCount=1)
    assert kinesis.put_record(StreamName="server-flow", Data=b"x", PartitionKey="p")["ShardId"]
    kinesis.delete_stream(StreamName="server-flow")

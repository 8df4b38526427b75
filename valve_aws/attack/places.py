"""Places into which the attacker, or an honest receiver, can look, and what was found there.

Knows how each kind of store is read from outside. Does not know what is looked for, nor the guard.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from valve_aws.attack import opened
from valve_aws.attack.files import tail
from valve_aws.attack.loot import carries, unpacked
from valve_aws.attack.server import fresh

ATTACKERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("AWS::S3::Bucket", "attackers-files", {}),
    ("AWS::SQS::Queue", "attackers-jobs", {}),
    ("AWS::SNS::Topic", "attackers-news", {}),
    (
        "AWS::DynamoDB::Table",
        "attackers-notes",
        {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        },
    ),
    ("AWS::Kinesis::Stream", "attackers-flow", {"ShardCount": 1}),
)
"""(kind, name, properties) of what the attacker has in the cloud."""

THEIRS = (
    "s3:attackers-files",
    "sqs:attackers-jobs",
    "sns:attackers-news",
    "dynamodb:attackers-notes",
    "kinesis:attackers-flow",
    "host:attackers.test",
    "tcp:db.attackers.test",
    "dns:",
    "wire:attackers-",
)
"""What is the attacker's: nothing at all may turn up there."""

OPEN = (
    "s3:open-files",
    "sqs:open-jobs",
    "sns:open-news",
    "dynamodb:open-notes",
    "kinesis:open-flow",
    "host:open.test",
    "tcp:db.open.test",
    "log:",
)
"""Where anybody may look: nothing labelled may turn up there."""


NUMBERED = {"id": {"N": "1"}}
"""The number that all items of `numbers` have, so that it is spelled in more than one way."""


class Ledger:
    """All that was found, by place. Any thread may add to it."""

    def __init__(self) -> None:
        self._kept: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def keep(self, place: str, text: str) -> None:
        """Add what was found at a place."""
        with self._lock:
            self._kept.setdefault(place, []).append(text)

    def has(self, place: str, markers: Iterable[str]) -> bool:
        """Say whether one of the markers was found at a place.

        `wire:NAME` are the requests that reached the cloud and name it, as an access log would show them.
        """
        kind, _, name = place.partition(":")
        whole = kind in {"wire", "dns", "log"}
        with self._lock:
            texts = [t for t in self._kept.get(kind if whole else place, ()) if not whole or name in t]
        return any(carries(text, marker) for text in texts for marker in markers)


class Cloud:
    """The cloud's stores as their owners see them. What was read is taken away, so it is read once."""

    def __init__(
        self,
        url: str,
        account: str,
        region: str,
        ledger: Ledger,
        watched: Path,
        log: Callable[[], list[Path]],
    ) -> None:
        self.url, self._account, self._region, self._ledger = url, account, region, ledger
        self._files: dict[Path, int] = {}
        self._watched, self._logs = watched, log
        self._clients: dict[str, Any] = {}
        self._iterators: dict[tuple[str, str], str] = {}
        self._sign = fresh("o")
        """By which our own requests are told from those of an environment."""
        self.takes = True
        """Whether objects and items that were read are taken away."""

    def client(self, service: str) -> Any:
        """Return the operator's client."""
        if service not in self._clients:
            import boto3
            from botocore.config import Config

            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=self._region,
                aws_access_key_id=self._account,
                aws_secret_access_key="testing",
                config=Config(
                    s3={"addressing_style": "path"},
                    retries={"total_max_attempts": 1},
                    user_agent_extra=self._sign,
                ),
            )
        return self._clients[service]

    def subscribe(self, topic: str) -> None:
        """Give a topic a queue, which shows what was published."""
        queue = self.client("sqs").create_queue(QueueName=f"{topic}-inbox")["QueueUrl"]
        arn = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        topics = self.client("sns").list_topics()["Topics"]
        found = next(t["TopicArn"] for t in topics if t["TopicArn"].endswith(f":{topic}"))
        self.client("sns").subscribe(
            TopicArn=found,
            Protocol="sqs",
            Endpoint=arn["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "false"},
        )

    def welcome(self, bucket: str) -> None:
        """Prepare the attacker's bucket for what others' buckets may send there: access logs, replicas."""
        group = "uri=http://acs.amazonaws.com/groups/s3/LogDelivery"
        self.client("s3").put_bucket_acl(Bucket=bucket, GrantWrite=group, GrantReadACP=group)

    def put(self, place: str, texts: dict[str, str]) -> None:
        """Put items `{id, text}` into a table, objects into a bucket (`s3:name/prefix/`), or all texts by
        their keys into a secret.
        """
        kind, _, table = place.partition(":")
        if kind == "s3":
            bucket, _, prefix = table.partition("/")
            for key, text in texts.items():
                self.client("s3").put_object(Bucket=bucket, Key=prefix + key, Body=text.encode())
            return
        if kind == "secretsmanager":
            self.client(kind).put_secret_value(SecretId=table, SecretString=json.dumps(texts))
            return
        named = NUMBERED if table == "numbers" else {}
        items = [{"id": {"S": k}, "trial": {"S": k}, "text": {"S": v}, **named} for k, v in texts.items()]
        requests = [{"PutRequest": {"Item": item}} for item in items]
        for start in range(0, len(requests), 25):  # BatchWriteItem takes 25
            self.client("dynamodb").batch_write_item(RequestItems={table: requests[start : start + 25]})

    def look(self, places: Iterable[str]) -> None:
        """Read what is new at these places into the ledger."""
        for place in sorted(set(places)):
            kind, _, name = place.partition(":")
            reader = READERS.get(kind)
            if reader:
                for found in reader(self, name):
                    self._ledger.keep(place, found)
        for path, kind in [(self._watched, "wire"), *((path, "log") for path in self._logs())]:
            lines, self._files[path] = tail(path, self._files.get(path, 0))
            for line in lines:
                if self._sign in line:
                    continue
                self._ledger.keep(kind, _request(line) if kind == "wire" else line)


def _request(line: str) -> str:
    seen = json.loads(line)
    headers = "\n".join(f"{name}: {value}" for name, value in seen["headers"].items())
    return f"{seen['method']} {seen['path']} {seen['host']}\n{headers}\n\n{seen['body']}"


def _bucket(cloud: Cloud, name: str) -> Iterable[str]:
    s3 = cloud.client("s3")
    for entry in s3.list_objects_v2(Bucket=name).get("Contents", ()):
        try:
            got = s3.get_object(Bucket=name, Key=entry["Key"])
        except s3.exceptions.ClientError:
            yield entry["Key"]  # Why no more: it is encrypted with a key that its owner has not
        else:
            tagged = got.get("TagCount")
            tags = s3.get_object_tagging(Bucket=name, Key=entry["Key"])["TagSet"] if tagged else ()
            yield f"{entry['Key']}\n{json.dumps(got['Metadata'])}\n{tags}\n{unpacked(got['Body'].read())}"
        if cloud.takes:
            s3.delete_object(Bucket=name, Key=entry["Key"])


def _queue(cloud: Cloud, name: str) -> Iterable[str]:
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    asked = {
        "QueueUrl": url,
        "MaxNumberOfMessages": 10,
        "MessageAttributeNames": ["All"],
        "AttributeNames": ["All"],
    }
    while got := sqs.receive_message(**asked).get("Messages"):
        for message in got:
            yield json.dumps(message, default=repr)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def _topic(cloud: Cloud, name: str) -> Iterable[str]:
    return _queue(cloud, f"{name}-inbox")


def _table(cloud: Cloud, name: str) -> Iterable[str]:
    dynamodb = cloud.client("dynamodb")
    for item in dynamodb.scan(TableName=name)["Items"]:
        yield json.dumps(item, default=repr)
        if cloud.takes:
            dynamodb.delete_item(TableName=name, Key={"id": item["id"]})


def _stream(cloud: Cloud, name: str) -> Iterable[str]:
    kinesis = cloud.client("kinesis")
    for shard in kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]:
        at = name, shard["ShardId"]
        if at not in cloud._iterators:
            asked = {"StreamName": name, "ShardId": at[1], "ShardIteratorType": "TRIM_HORIZON"}
            cloud._iterators[at] = kinesis.get_shard_iterator(**asked)["ShardIterator"]
        got = kinesis.get_records(ShardIterator=cloud._iterators[at])
        cloud._iterators[at] = got["NextShardIterator"]
        for record in got["Records"]:
            yield f"{record['PartitionKey']}\n{unpacked(record['Data'])}"


READERS: dict[str, Callable[[Cloud, str], Iterable[str]]] = {
    "s3": _bucket,
    "sqs": _queue,
    "sns": _topic,
    "dynamodb": _table,
    "kinesis": _stream,
    "public": opened.public,
    "settings": opened.settings,
    "policy": opened.policy,
}
"""Kind of place → how it is read; any other kind fills the ledger by itself."""

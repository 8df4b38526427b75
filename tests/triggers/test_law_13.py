"""Law 13: a batch from an unordered queue is split by label before a function sees it; FIFO joins.

Knows the split itself for any batch, and one stack run by the real command on a real moto.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stories.world import Ran, World, moto
from valve_aws.model.verdict import Holding, Way
from valve_aws.triggers import Batch, Message, batches, event, failed

QUEUE = "arn:aws:sqs:us-east-1:123456789012:jobs"

LABELS = st.frozensets(st.sampled_from(["pii", "card", "user/1", "user/2"]), max_size=3)
BATCHES = st.lists(LABELS, max_size=10)


def received(labels: Sequence[frozenset[str]]) -> list[Message]:
    return [
        Message(
            {"MessageId": f"m-{n}", "ReceiptHandle": f"h-{n}", "Body": "{}"},
            Holding(label, True, tuple(Way(tag, record=f"r-{n}") for tag in sorted(label))),
        )
        for n, label in enumerate(labels)
    ]


@given(BATCHES)
def test_of_an_unordered_batch_every_message_is_in_one_part_with_its_own_label(
    labels: list[frozenset[str]],
) -> None:
    found = received(labels)
    parts = batches(found, ordered=False)
    assert sorted(m.ident for part in parts for m in part.messages) == sorted(m.ident for m in found)
    for part in parts:
        assert {m.holding.label for m in part.messages} == {part.holding.label}
    assert len({part.holding.label for part in parts}) == len(parts)


@given(BATCHES)
def test_within_a_part_messages_stay_in_their_order(labels: list[frozenset[str]]) -> None:
    for part in batches(received(labels), ordered=False):
        numbers = [int(m.ident[2:]) for m in part.messages]
        assert numbers == sorted(numbers)


@given(BATCHES.filter(bool))
def test_an_ordered_batch_stays_whole_and_its_labels_join(labels: list[frozenset[str]]) -> None:
    found = received(labels)
    (whole,) = batches(found, ordered=True)
    assert list(whole.messages) == found
    assert whole.holding.label == frozenset().union(*labels)
    first = {tag: n for n, label in reversed(list(enumerate(labels))) for tag in label}
    assert {way.tag: way.record for way in whole.holding.ways} == {tag: f"r-{n}" for tag, n in first.items()}


@pytest.mark.parametrize("ordered", [True, False])
def test_a_message_whose_label_cannot_be_told_makes_its_part_one(ordered: bool) -> None:
    known, other = received([frozenset(), frozenset()])
    parts = batches([known, Message(other.body, Holding(complete=False))], ordered)
    told = [([m.ident for m in part.messages], part.holding.complete) for part in parts]
    assert told == ([(["m-0", "m-1"], False)] if ordered else [(["m-0"], True), (["m-1"], False)])


def test_of_nothing_there_is_no_part() -> None:
    assert batches([], ordered=False) == batches([], ordered=True) == ()


@given(BATCHES, st.data())
def test_results_of_parts_are_put_together_as_if_the_batch_had_been_one(
    labels: list[frozenset[str]], data: st.DataObject
) -> None:
    found = received(labels)
    bad = {m.ident for m in found if data.draw(st.booleans())}
    undone: set[str] = set()
    for part in batches(found, ordered=False):
        seen = [r["messageId"] for r in json.loads(event(part, QUEUE))["Records"]]
        told = {"batchItemFailures": [{"itemIdentifier": i} for i in seen if i in bad]}
        undone |= failed(part, json.dumps(told).encode(), False, reports=True)
    assert undone == bad


WHOLE = frozenset({"m-0", "m-1"})


@pytest.mark.parametrize(
    ("payload", "error", "reports", "undone"),
    [
        (b'{"errorMessage": "x"}', True, False, WHOLE),
        (b'{"errorMessage": "x"}', True, True, WHOLE),
        (b"null", False, False, frozenset()),
        (b'{"batchItemFailures": [{"itemIdentifier": "m-1"}]}', False, False, frozenset()),
        (b'{"batchItemFailures": [{"itemIdentifier": "m-1"}]}', False, True, {"m-1"}),
        (b'{"batchItemFailures": []}', False, True, frozenset()),
        (b'{"batchItemFailures": null}', False, True, frozenset()),
        (b"null", False, True, frozenset()),
        (b"{}", False, True, frozenset()),
        (b"not json", False, True, WHOLE),
        (b'{"batchItemFailures": [{"itemIdentifier": "of another part"}]}', False, True, WHOLE),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', False, True, WHOLE),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', False, True, WHOLE),
        (b'{"batchItemFailures": [{"wrong": "m-1"}]}', False, True, WHOLE),
        (b'{"batchItemFailures": [7]}', False, True, WHOLE),
        (b'{"batchItemFailures": 7}', False, True, WHOLE),
        (b"[]", False, True, frozenset()),
        (b"[1]", False, True, WHOLE),
    ],
)
def test_what_was_not_done_with_is_what_aws_would_say(
    payload: bytes, error: bool, reports: bool, undone: frozenset[str]
) -> None:
    part = Batch(tuple(received([frozenset(), frozenset()])), Holding(frozenset()))
    assert failed(part, payload, error, reports) == undone


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Timeout: 30, CodeUri: src}}
Resources:
  Sender:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.send
      Policies: [AmazonSQSFullAccess, AmazonDynamoDBFullAccess]
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.work
      Policies: [AmazonSQSFullAccess]
      Events:
        Jobs:
          Type: SQS
          Properties: {Queue: !GetAtt Jobs.Arn, FunctionResponseTypes: [ReportBatchItemFailures]}
        Line: {Type: SQS, Properties: {Queue: !GetAtt Line.Arn}}
  People:
    Type: AWS::Serverless::SimpleTable
    Properties: {TableName: people, PrimaryKey: {Name: id, Type: String}}
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs, RedrivePolicy: {maxReceiveCount: 1}}}
  Line: {Type: AWS::SQS::Queue, Properties: {QueueName: line.fifo, FifoQueue: true}}
"""

POLICY = """
version: 1
labels: {pii: {}}
stores:
  People: {holds: [pii]}
  Jobs: {accepts: [pii]}
  Line: {accepts: [pii]}
results: {accepts: [pii]}
logs: {accepts: [pii]}
"""

SOURCE = """
import json
import boto3

def send(event, context):
    sqs, table = boto3.client("sqs"), boto3.client("dynamodb")
    url = sqs.get_queue_url(QueueName=event["to"])["QueueUrl"]
    more = {"MessageGroupId": "g"} if event["to"].endswith(".fifo") else {}
    for n, body in enumerate(event["bodies"]):
        if body.startswith("pii"):
            table.get_item(TableName="people", Key={"id": {"S": "1"}})
        extra = {**more, "MessageDeduplicationId": str(n)} if more else {}
        sqs.send_message(QueueUrl=url, MessageBody=body, **extra)

def work(event, context):
    bodies = [record["body"] for record in event["Records"]]
    print("got", context.aws_request_id, json.dumps(bodies))
    if any("raise" in body for body in bodies):
        raise ValueError("as the message says")
    bad = [r["messageId"] for r in event["Records"] if "fail" in r["body"]]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    with moto() as url:
        yield url


@pytest.fixture
def world(cloud: str, tmp_path: Path) -> World:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(SOURCE)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "valve.yaml").write_text(POLICY)
    (tmp_path / "seed.yaml").write_text("People: [{id: '1', name: Alice}]\n")
    sqs = client(cloud)
    for url in sqs.list_queues().get("QueueUrls", ()):
        sqs.delete_queue(QueueUrl=url)
    sqs.create_queue(QueueName="jobs")
    sqs.create_queue(QueueName="line.fifo", Attributes={"FifoQueue": "true"})
    return World(tmp_path, cloud, ["--seed", "seed.yaml"])


def client(url: str) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="operator",
        aws_secret_access_key="operator",
    )


def send(world: World, queue: str, *bodies: str) -> Ran:
    ran = world.invoke("Sender", "-e", "-", stdin=json.dumps({"to": queue, "bodies": bodies}))
    assert ran.code == 0, ran.err
    return ran


def seen(world: World, ran: Ran) -> list[tuple[tuple[str, ...], list[str]]]:
    """Return (label, bodies) of every event that Worker saw; each label had an environment of its own."""
    records = [r["valve"] for r in world.records() if r["eventName"] == "Admit"]
    admitted = {r["invocation"]: r for r in records if r["function"] == "Worker"}
    labels = {tuple(r["labels"]["environment"]) for r in admitted.values()}
    assert len({r["environment"] for r in admitted.values()}) == len(labels)
    lines = [line.partition(" got ")[2] for line in ran.err.splitlines() if line.startswith("Worker ")]
    said = [line.partition(" ") for line in lines if line]
    carried = {ident: tuple(admission["labels"]["environment"]) for ident, admission in admitted.items()}
    return sorted((carried[ident], json.loads(bodies)) for ident, _, bodies in said)


def left(cloud: str, queue: str) -> set[str]:
    """Return the bodies that are still in a queue, shown or not."""
    sqs = client(cloud)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return {f"{name}={count}" for name, count in counts.items() if count != "0"}


def test_a_function_sees_each_label_by_itself(world: World, cloud: str) -> None:
    ran = send(world, "jobs", "clean a", "clean b", "pii c", "pii d")
    assert seen(world, ran) == [((), ["clean a", "clean b"]), (("pii",), ["pii c", "pii d"])]
    assert not left(cloud, "jobs")


def test_one_part_fails_and_the_other_is_done(world: World, cloud: str) -> None:
    ran = send(world, "jobs", "clean a", "pii raise", "pii b")
    assert seen(world, ran) == [((), ["clean a"]), (("pii",), ["pii raise", "pii b"])]
    assert left(cloud, "jobs") == {"ApproximateNumberOfMessagesNotVisible=2"}


def test_what_failed_in_each_part_stays_and_the_rest_of_both_is_done(world: World, cloud: str) -> None:
    send(world, "jobs", "clean a", "clean fail", "pii b", "pii fail", "pii c")
    assert left(cloud, "jobs") == {"ApproximateNumberOfMessagesNotVisible=2"}


def test_an_ordered_queue_is_not_split_and_its_labels_join(world: World, cloud: str) -> None:
    ran = send(world, "line.fifo", "clean a", "clean b", "pii c")
    assert seen(world, ran) == [(("pii",), ["clean a", "clean b", "pii c"])]
    assert not left(cloud, "line.fifo")


def test_an_answer_of_nothing_but_brackets_fails_the_whole_batch() -> None:
    (whole,) = batches(received([frozenset()] * 2), ordered=False)
    assert failed(whole, b"[" * 200_000, False, True) == {"m-0", "m-1"}

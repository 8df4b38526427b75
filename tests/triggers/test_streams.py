"""Streams that wake functions: order, batches, what failed, filters, windows, and the labels of both images.

Knows them from a whole valve on the embedded cloud. Does not know how a record is read.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from tests.triggers.ground import Ground
from valve_aws.passage.driver import Passage

CODE = """
import base64, json, os
import boto3

def name(record):
    if "kinesis" in record:
        return base64.b64decode(record["kinesis"]["data"]).decode()
    return record["dynamodb"]["Keys"]["id"]["S"]

def handler(event, context):
    if "calls" in event:
        for service, operation, params in event["calls"]:
            getattr(boto3.client(service), operation)(**json.loads(os.path.expandvars(json.dumps(params))))
        return "done"
    names = [name(r) for r in event["Records"]]
    print("SAW", context.function_name.split("-")[-2], json.dumps(names), flush=True)
    print("WHOLE", context.function_name.split("-")[-2], json.dumps(event), flush=True)
    if os.environ.get("REPORTS"):
        bad = [r for r, n in zip(event["Records"], names) if n.startswith("bad")]
        return {"batchItemFailures": [{"itemIdentifier": r["dynamodb"]["SequenceNumber"]} for r in bad]}
    if "bad secret" in names and "SECRETS" in os.environ:
        boto3.client("dynamodb").get_item(TableName=os.environ["SECRETS"], Key={"id": {"S": "s"}})
    if "window" in event:
        if "bad" in names:
            boto3.client("dynamodb").get_item(TableName=os.environ["SECRETS"], Key={"id": {"S": "s"}})
            raise ValueError("it was")
        return {"state": {"sum": event["state"].get("sum", 0) + len(names)}}
    if any(n.startswith("bad") for n in names):
        raise ValueError("bad")
"""


def function(
    name: str, source: str, more: str, kind: str = "DynamoDB", variables: str = "", own: str = "Timeout: 20"
) -> str:
    where = f"!GetAtt {source}.{'StreamArn' if kind == 'DynamoDB' else 'Arn'}"
    return f"""
  {name}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.11
      {own}
      Environment: {{Variables: {{{variables}}}}}
      Events:
        In: {{Type: {kind}, Properties: {{Stream: {where}, StartingPosition: LATEST, {more}}}}}
"""


def table(name: str) -> str:
    return f"""
  {name}:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
      StreamSpecification: {{StreamViewType: NEW_AND_OLD_IMAGES}}
"""


HALVED = "BisectBatchOnFunctionError: true, "
ONCE = "MaximumRetryAttempts: 1, DestinationConfig: {OnFailure: {Destination: !GetAtt Failed.Arn}}"
KIND = """FilterCriteria: {Filters: [{Pattern: '{"dynamodb": {"NewImage": {"kind": {"S": ["a"]}}}}'}]}"""
SECRETIVE = """Timeout: 20
      Policies: [DynamoDBReadPolicy: {TableName: !Ref Secrets}]"""
TEMPLATE = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  Writer:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.11
      Timeout: 20
      Environment:
        Variables: {{ITEMS: !Ref Items, SECRETS: !Ref Secrets, CLICKS: !Ref Clicks}}
      Policies:
        - DynamoDBCrudPolicy: {{TableName: !Ref Items}}
        - DynamoDBCrudPolicy: {{TableName: !Ref Secrets}}
        - KinesisCrudPolicy: {{StreamName: !Ref Clicks}}
{function("Plain", "Items", "BatchSize: 10")}
{function("Halving", "Split", "BatchSize: 4, BisectBatchOnFunctionError: true, " + ONCE,
          variables="SECRETS: !Ref Secrets", own=SECRETIVE)}
{function("Reporting", "Split", "FunctionResponseTypes: [ReportBatchItemFailures], " + ONCE,
          variables="REPORTS: 'yes'")}
{function("Choosy", "Mixed", KIND)}
{function("Gathering", "Mixed", "MaximumBatchingWindowInSeconds: 30")}
{function("Shut", "Mixed", "BatchSize: 1", own="ReservedConcurrentExecutions: 0")}
{function("Aging", "Mixed", "MaximumRecordAgeInSeconds: 60, " + HALVED + ONCE.partition(", ")[2],
          variables="SECRETS: !Ref Secrets", own=SECRETIVE)}
{function("Clicked", "Clicks", "BatchSize: 2", "Kinesis")}
{function("Counting", "Counts", "TumblingWindowInSeconds: 60, MaximumRetryAttempts: 0", "Kinesis",
          variables="SECRETS: !Ref Secrets",
          own=SECRETIVE)}
{function("Parallel", "Lanes", "ParallelizationFactor: 4, MaximumRetryAttempts: 0", "Kinesis")}
{table("Items")}{table("Split")}{table("Mixed")}
  Secrets:
    Type: AWS::Serverless::SimpleTable
    Properties: {{PrimaryKey: {{Name: id, Type: String}}}}
  Clicks: {{Type: AWS::Kinesis::Stream, Properties: {{ShardCount: 1}}}}
  Counts: {{Type: AWS::Kinesis::Stream, Properties: {{ShardCount: 1}}}}
  Lanes: {{Type: AWS::Kinesis::Stream, Properties: {{ShardCount: 2}}}}
  Failed: {{Type: AWS::SQS::Queue}}
"""
POLICY = """
version: 1
mode: enforce
labels: {pii: {}}
stores: {Secrets: {holds: [pii]}, Items: {accepts: [pii]}, Clicks: {accepts: [pii]}, Mixed: {accepts: [pii]}}
results: {accepts: [pii]}
logs: {accepts: [pii]}
"""
FILES = {
    "template.yaml": TEMPLATE,
    "src/app.py": CODE,
    "valve.yaml": POLICY,
    "seed.yaml": "Secrets: [{id: s, text: secret}]\nItems: [{id: seeded}]\n",
}


def put(ground: Ground, table: str, *names: str, **more: str) -> None:
    requests = [
        {"PutRequest": {"Item": {key: {"S": value} for key, value in {"id": name, **more}.items()}}}
        for name in names
    ]
    name = ground.name(table)
    ground.client("dynamodb").batch_write_item(RequestItems={name: requests})


def click(ground: Ground, stream: str, *texts: str) -> None:
    records = [{"Data": text.encode(), "PartitionKey": text} for text in texts]
    ground.client("kinesis").put_records(
        StreamName=ground.name(stream), Records=records
    )


def item(number: str) -> dict[str, Any]:
    return {"id": {"S": "1"}, "n": {"N": number}}


def saw(ground: Ground, function: str) -> list[Any]:
    return ground.printed(f"SAW {function.lower()} ")


def test_a_table_s_changes_come_in_their_order_with_both_images_labels(ground: Ground) -> None:
    calls = [
        ["dynamodb", "put_item", {"TableName": "$ITEMS", "Item": item("1")}],
        ["dynamodb", "get_item", {"TableName": "$SECRETS", "Key": {"id": {"S": "s"}}}],
        ["dynamodb", "put_item", {"TableName": "$ITEMS", "Item": item("2")}],
        ["dynamodb", "delete_item", {"TableName": "$ITEMS", "Key": {"id": {"S": "1"}}}],
    ]
    assert ground.invoke("Writer", {"calls": calls}) == "done", ground.said
    ground.settle()
    records = [r for e in ground.printed("WHOLE plain ") for r in e["Records"]]
    assert [r["eventName"] for r in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert records[1]["dynamodb"]["OldImage"]["n"] == {"N": "1"}
    assert all(r["dynamodb"]["ApproximateCreationDateTime"].is_integer() for r in records), "whole seconds"
    assert records[1]["eventSourceARN"].startswith("arn:aws:dynamodb:us-east-1:123456789012:table/")
    assert ground.events("Plain")[-1].label == {"pii"}
    cause = ground.events("Plain")[-1].cause
    assert cause in {r.ident for r in ground.valve.records if r.operation in {"PutItem", "DeleteItem"}}


def test_a_clean_item_over_a_labelled_one_is_labelled_in_the_stream_and_the_next_is_not(
    ground: Ground,
) -> None:
    write: Any = ["dynamodb", "put_item", {"TableName": "$ITEMS", "Item": item("1")}]
    read = ["dynamodb", "get_item", {"TableName": "$SECRETS", "Key": {"id": {"S": "s"}}}]
    assert ground.invoke("Writer", {"calls": [read, write]}) == "done", ground.said
    ground.settle()
    for number in ("2", "3"):
        again = [*write[:2], {**write[2], "Item": item(number)}]
        assert ground.invoke("Writer", {"calls": [again]}) == "done"
        ground.settle()
    assert [set(event.label) for event in ground.events("Plain")] == [{"pii"}, {"pii"}, set()]


def test_records_that_are_read_in_more_than_one_go_carry_what_their_item_was_when_they_came(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    operate = Passage.operate

    async def sparing(self: Passage, service: str, operation: str, params: dict[str, Any]) -> Any:
        fewer = {**params, "Limit": 2} if "Limit" in params else params
        return await operate(self, service, operation, fewer)

    monkeypatch.setattr(Passage, "operate", sparing)
    write: Any = ["dynamodb", "put_item", {"TableName": "$ITEMS", "Item": item("1")}]
    read = ["dynamodb", "get_item", {"TableName": "$SECRETS", "Key": {"id": {"S": "s"}}}]
    put(ground, "Items", "a", "b")
    assert ground.invoke("Writer", {"calls": [read, write]}) == "done", ground.said
    for number in ("2", "3"):
        again = [*write[:2], {**write[2], "Item": item(number)}]
        assert ground.invoke("Writer", {"calls": [again]}) == "done"
    ground.settle()
    seen = [r for e in ground.printed("WHOLE plain ") for r in e["Records"]]
    assert len(seen) == 5
    assert ground.events("Plain")[0].label == {"pii"}


def test_a_batch_that_fails_is_halved_until_the_bad_one_is_alone_and_told(ground: Ground) -> None:
    put(ground, "Split", "1", "2", "bad 3", "4")
    ground.drain()
    seen = saw(ground, "Halving")
    assert seen[0] == ["1", "2", "bad 3", "4"]
    assert seen.count(["bad 3"]) == 2
    assert seen[-1] == ["4"]
    told = [json.loads(m["Body"]) for m in ground.taken("Failed")]
    (mine,) = (t for t in told if "halving" in t["requestContext"]["functionArn"])
    assert mine["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert mine["responseContext"]["functionError"] == "Unhandled"
    told = mine["DDBStreamBatchInfo"]
    assert re.fullmatch("[0-9T:-]+Z", told["approximateArrivalOfFirstRecord"]), "a table tells seconds"
    assert (told["batchSize"], told["startSequenceNumber"]) == (1, told["endSequenceNumber"])


def test_a_report_moves_the_checkpoint_to_the_first_that_failed(ground: Ground) -> None:
    put(ground, "Split", "1", "2", "bad 3", "4")
    ground.drain()
    assert saw(ground, "Reporting") == [["1", "2", "bad 3", "4"], ["bad 3", "4"], ["bad 3", "4"]]
    told = [json.loads(message["Body"]) for message in ground.taken("Failed")]
    (mine,) = (t for t in told if "reporting" in t["requestContext"]["functionArn"])
    assert mine["requestContext"]["approximateInvokeCount"] == 2
    assert mine["responseContext"]["functionError"] is None, "it reported, and did not fail"


def test_a_mapping_filters_and_gathers(ground: Ground) -> None:
    put(ground, "Mixed", "1", kind="a")
    ground.settle()
    put(ground, "Mixed", "2", kind="b")
    ground.settle()
    assert saw(ground, "Choosy") == [["1"]]
    assert not saw(ground, "Gathering")
    ground.advance(31)
    assert saw(ground, "Gathering") == [["1", "2"]]


def test_a_record_that_grows_too_old_is_given_up_as_such(ground: Ground) -> None:
    put(ground, "Mixed", "bad 1")
    ground.drain()
    (told,) = (json.loads(message["Body"]) for message in ground.taken("Failed"))
    assert told["requestContext"]["condition"] == "RecordAgeExceeded"
    assert len(saw(ground, "Aging")) == 7
    assert told["requestContext"]["approximateInvokeCount"] == 8, "AWS counts the try that age prevented"
    assert "responseContext" not in told


def test_halves_know_what_their_whole_had_learned(ground: Ground) -> None:
    put(ground, "Mixed", "1", "bad secret")
    ground.settle()
    ground.advance(2)
    first, *halves = ground.events("Aging")
    assert ["1"] in saw(ground, "Aging")
    assert not first.label
    assert {event.label for event in halves} == {frozenset({"pii"})}


def test_a_batch_is_not_tried_again_where_its_stream_may_not_tell_what_was_learned(ground: Ground) -> None:
    put(ground, "Split", "bad secret", "1")
    ground.drain()
    assert saw(ground, "Halving") == [["bad secret", "1"]]


def test_a_record_that_waited_for_one_that_failed_is_told_of_with_what_was_learned_there(
    ground: Ground,
) -> None:
    put(ground, "Mixed", "bad secret")
    ground.settle()
    ground.advance(1)
    put(ground, "Mixed", "later")
    ground.drain()
    assert {name for names in saw(ground, "Aging") for name in names} == {"bad secret"}
    assert not ground.taken("Failed")


def test_a_function_with_nothing_reserved_is_given_nothing_and_holds_nobody_up(ground: Ground) -> None:
    put(ground, "Mixed", "1", kind="a")
    ground.drain()
    assert saw(ground, "Choosy") == [["1"]]
    assert not ground.events("Shut")
    assert not [line for line in ground.said if "Shut" in line]


def test_a_data_stream_s_records_carry_what_was_put(ground: Ground) -> None:
    read = ["dynamodb", "get_item", {"TableName": "$SECRETS", "Key": {"id": {"S": "s"}}}]
    record = {"StreamName": "$CLICKS", "PartitionKey": "k"}
    calls = [
        ["kinesis", "put_record", {**record, "Data": "clean"}],
        ["kinesis", "put_record", {**record, "Data": "also"}],
        read,
        ["kinesis", "put_record", {**record, "Data": "secret"}],
    ]
    assert ground.invoke("Writer", {"calls": calls}) == "done", ground.said
    ground.settle()
    assert [name for batch in saw(ground, "Clicked") for name in batch] == ["clean", "also", "secret"]
    labels = [set(event.label) for event in ground.events("Clicked")]
    assert labels[0] == set()
    assert labels[-1] == {"pii"}
    whole = ground.printed("WHOLE clicked ")[0]["Records"][0]
    assert base64.b64decode(whole["kinesis"]["data"]) == b"clean"
    assert whole["eventID"].startswith("shardId-")
    assert whole["invokeIdentityArn"] == ground.valve.stack.functions["Clicked"].role


def test_a_tumbling_window_hands_its_state_on_and_ends(ground: Ground) -> None:
    click(ground, "Counts", "1", "2")
    ground.settle()
    click(ground, "Counts", "3")
    ground.settle()
    ground.advance(61)
    events = ground.printed("WHOLE counting ")
    final = events[-1]
    assert final["isFinalInvokeForWindow"]
    assert final["Records"] == []
    assert sum(len(event["Records"]) for event in events) == 3
    assert final["state"]["sum"] in {1, 2, 3}  # the minute may turn between them
    assert {"start", "end"} == set(final["window"])


def test_a_window_knows_what_was_learned_by_a_batch_that_is_not_in_its_state(ground: Ground) -> None:
    click(ground, "Counts", "bad")
    ground.settle()
    click(ground, "Counts", "1")
    ground.settle()
    assert [event.label for event in ground.events("Counting")] == [set(), {"pii"}]


def test_lanes_go_on_beside_one_that_fails(ground: Ground) -> None:
    click(ground, "Lanes", "bad", *map(str, range(8)))
    ground.drain()
    seen = {name for batch in saw(ground, "Parallel") for name in batch}
    assert seen == {"bad", *map(str, range(8))}
    assert any("gives up" in line for line in ground.said)


def test_a_mapping_that_is_changed_reads_on_as_it_says_now(ground: Ground) -> None:
    click(ground, "Clicks", *"abcd")
    ground.settle()
    before = ground.valve.stack
    (trigger,) = before.functions["Clicked"].triggers
    told = {**trigger.properties, "BatchSize": 4, "ParallelizationFactor": 2}
    changed = replace(before.functions["Clicked"], triggers=(replace(trigger, properties=told),))
    after = replace(before, functions={**before.functions, "Clicked": changed})
    learn, policy = ground.valve.learn, ground.valve.policy
    ground.call(learn(after, policy))
    try:
        click(ground, "Clicks", *"efghijklmnop")
        ground.settle()
    finally:
        ground.call(learn(before, policy))
    batches = saw(ground, "Clicked")
    assert batches[:2] == [["a", "b"], ["c", "d"]]
    assert sorted(name for batch in batches[2:] for name in batch) == list("efghijklmnop")
    assert all(batch == sorted(batch) for batch in batches)
    assert max(map(len, batches[2:])) == 4

"""Pipes: what is read, enriched and handed on, with which label, and what becomes of what is not taken.

Knows them from a whole valve on the embedded cloud. Does not know their pure shapes.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.triggers.ground import Ground
from valve_aws.backend import Standing
from valve_aws.waking.piping import Piping

CODE = """
import base64, json, os
import boto3

def handler(event, context):
    if isinstance(event, dict) and "calls" in event:
        for service, operation, params in event["calls"]:
            getattr(boto3.client(service), operation)(**json.loads(os.path.expandvars(json.dumps(params))))
        return "done"
    print("SAW", context.function_name.split("-")[-2], json.dumps(event), flush=True)
    if os.environ.get("ENRICHES"):
        found = []
        for each in event:
            if each["id"] == "secret":
                boto3.client("dynamodb").get_item(TableName=os.environ["SECRETS"], Key={"id": {"S": "s"}})
            if each["id"] == "worst":
                raise ValueError("worst")
            count = {"drop": 0, "many": 11}.get(each["id"], 1)
            found += [{"id": each["id"], "more": "found"}] * count
        return found
    bad = [each for each in event if "bad" in each["body"]]
    if any("worst" in each["body"] for each in bad):
        raise ValueError("worst")
    return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in bad]} if bad else "fine"
"""
FED = '{"id": <$.body.id>, "by": "<aws.pipes.pipe-name> of <$.messageId>"}'
BAD = '{"dynamodb": {"NewImage": {"bad": {"S": [{"exists": true}]}}}}'
TEMPLATE = f"""
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {{CodeUri: src, Handler: app.handler, Runtime: python3.11, Timeout: 20}}
Resources:
  Writer:
    Type: AWS::Serverless::Function
    Properties:
      Environment:
        Variables:
          SECRETS: !Ref Secrets
          ITEMS: !Ref Items
          ORDERS: !Ref Orders
          JOBS: !Ref Jobs
          CLICKS: !Ref Clicks
          STARTS: !Ref Starts
          ROUND: !Ref Round
          ASIDE: !Ref Aside
          LATER: !Ref Later
          KEYS: !Ref Keys
          LOCKED: !Ref Locked
      Policies: [AmazonDynamoDBFullAccess, AmazonSQSFullAccess, AmazonKinesisFullAccess]
  Enrich:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {{Variables: {{ENRICHES: "yes", SECRETS: !Ref Secrets}}}}
      Policies: [AmazonDynamoDBFullAccess]
  Worker: {{Type: AWS::Serverless::Function}}
  Behind: {{Type: AWS::Serverless::Function}}
  Never: {{Type: AWS::Serverless::Function, Properties: {{ReservedConcurrentExecutions: 0}}}}
  Enriched:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Orders.Arn
      SourceParameters:
        FilterCriteria: {{Filters: [{{Pattern: '{{"body": {{"kind": ["a"]}}}}'}}]}}
        SqsQueueParameters: {{BatchSize: 5}}
      Enrichment: !GetAtt Enrich.Arn
      EnrichmentParameters: {{InputTemplate: '{FED}'}}
      Target: !GetAtt Done.Arn
      TargetParameters:
        InputTemplate: '{{"told": "<$.id>, <$.more>"}}'
        SqsQueueParameters: {{MessageGroupId: $.id, MessageDeduplicationId: $.id}}
  Waited:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Jobs.Arn
      Target: !GetAtt Worker.Arn
  Announced:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Items.StreamArn
      SourceParameters: {{DynamoDBStreamParameters: {{StartingPosition: LATEST, BatchSize: 1}}}}
      Target: !GetAtt Bus.Arn
      TargetParameters: {{EventBridgeEventBusParameters: {{DetailType: $.eventName, Source: shop.items}}}}
  Strict:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Items.StreamArn
      SourceParameters:
        FilterCriteria: {{Filters: [{{Pattern: '{BAD}'}}]}}
        DynamoDBStreamParameters:
          StartingPosition: LATEST
          MaximumRetryAttempts: 1
          DeadLetterConfig: {{Arn: !GetAtt Failed.Arn}}
      Target: !GetAtt Worker.Arn
  Copied:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Clicks.Arn
      SourceParameters: {{KinesisStreamParameters: {{StartingPosition: TRIM_HORIZON}}}}
      Target: !GetAtt Copies.Arn
      TargetParameters:
        InputTemplate: '<$.data>'
        KinesisStreamParameters: {{PartitionKey: $.partitionKey}}
  Published:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Clicks.Arn
      SourceParameters: {{KinesisStreamParameters: {{StartingPosition: TRIM_HORIZON}}}}
      Target: !Ref News
  Started:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Starts.Arn
      Target: !Ref Machine
      TargetParameters: {{InputTemplate: '{{"n": <$.body.n>}}'}}
  Left:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Aside.Arn
      DesiredState: STOPPED
      Target: !GetAtt Behind.Arn
  Unwaited:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Later.Arn
      Target: !GetAtt Behind.Arn
      TargetParameters:
        InputTemplate: '{{"body": <$.body>}}'
        LambdaFunctionParameters: {{InvocationType: FIRE_AND_FORGET}}
  Keyed:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Keys.Arn
      Target: !GetAtt Done.Arn
      TargetParameters:
        InputTemplate: <$.body.key>
        SqsQueueParameters: {{MessageGroupId: g, MessageDeduplicationId: $.body.key}}
  Narrowed:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Items.StreamArn
      SourceParameters:
        FilterCriteria: {{Filters: [{{Pattern: '{BAD.replace("bad", "secret")}'}}]}}
        DynamoDBStreamParameters: {{StartingPosition: LATEST, MaximumRetryAttempts: 3}}
      Target: !GetAtt Narrow.Arn
  Aged:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Items.StreamArn
      SourceParameters:
        FilterCriteria: {{Filters: [{{Pattern: '{BAD.replace("bad", "aged")}'}}]}}
        DynamoDBStreamParameters:
          StartingPosition: LATEST
          MaximumRecordAgeInSeconds: 60
          DeadLetterConfig: {{Arn: !GetAtt Failed.Arn}}
      Target: !GetAtt Worker.Arn
  Barred:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Items.StreamArn
      SourceParameters:
        FilterCriteria: {{Filters: [{{Pattern: '{BAD.replace("bad", "barred")}'}}]}}
        DynamoDBStreamParameters: {{StartingPosition: LATEST, MaximumRetryAttempts: 1}}
      Target: !GetAtt Never.Arn
  Shut:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Locked.Arn
      Target: !GetAtt Never.Arn
  Circle:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Round.Arn
      Target: !GetAtt Round.Arn
      TargetParameters: {{InputTemplate: <$.body>}}
  Foreign:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Round.Arn
      Enrichment: arn:aws:events:us-east-1:123456789012:api-destination/crm/1
      Target: !GetAtt Done.Arn
  Distant:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/pipes
      Source: !GetAtt Lonely.StreamArn
      SourceParameters: {{DynamoDBStreamParameters: {{StartingPosition: LATEST}}}}
      Target: arn:aws:events:us-east-1:123456789012:api-destination/crm/1
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {{source: [shop.items], detail-type: [INSERT]}}
      Targets: [{{Id: heard, Arn: !GetAtt Heard.Arn}}, {{Id: copied, Arn: !GetAtt Copies.Arn}}]
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition:
        StartAt: Send
        States:
          Send:
            Type: Task
            Resource: arn:aws:states:::sqs:sendMessage
            Parameters: {{QueueUrl: !Ref Heard, "MessageBody.$": $}}
            End: true
  Subscribed:
    Type: AWS::SNS::Subscription
    Properties: {{TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Heard.Arn, RawMessageDelivery: true}}
  News: {{Type: AWS::SNS::Topic}}
  Bus: {{Type: AWS::Events::EventBus, Properties: {{Name: shop-bus}}}}
  Orders: {{Type: AWS::SQS::Queue}}
  Done: {{Type: AWS::SQS::Queue, Properties: {{FifoQueue: true, QueueName: done.fifo}}}}
  Jobs: {{Type: AWS::SQS::Queue}}
  Starts: {{Type: AWS::SQS::Queue}}
  Round: {{Type: AWS::SQS::Queue}}
  Aside: {{Type: AWS::SQS::Queue}}
  Later: {{Type: AWS::SQS::Queue}}
  Keys: {{Type: AWS::SQS::Queue}}
  Locked: {{Type: AWS::SQS::Queue}}
  Heard: {{Type: AWS::SQS::Queue}}
  Narrow: {{Type: AWS::SQS::Queue}}
  Failed: {{Type: AWS::SQS::Queue}}
  Clicks: {{Type: AWS::Kinesis::Stream, Properties: {{ShardCount: 1}}}}
  Copies: {{Type: AWS::Kinesis::Stream, Properties: {{ShardCount: 1}}}}
  Secrets:
    Type: AWS::Serverless::SimpleTable
    Properties: {{PrimaryKey: {{Name: id, Type: String}}}}
  Items:
    Type: AWS::DynamoDB::Table
    Properties: &streamed
      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
      StreamSpecification: {{StreamViewType: NEW_AND_OLD_IMAGES}}
  Lonely: {{Type: AWS::DynamoDB::Table, Properties: *streamed}}
"""
POLICY = """
version: 1
labels: {pii: {}}
results: {accepts: [pii]}
logs: {accepts: [pii]}
stores:
  Secrets: {holds: [pii]}
  Items: {accepts: [pii], attributes: {secret: [pii]}}
  Narrow: {accepts: [pii]}
  Orders: {accepts: [pii]}
  Done: {accepts: [pii]}
  Jobs: {accepts: [pii]}
  Starts: {accepts: [pii]}
  Aside: {accepts: [pii]}
  Later: {accepts: [pii]}
  Heard: {accepts: [pii]}
  Clicks: {accepts: [pii]}
  Copies: {accepts: [pii]}
  News: {accepts: [pii]}
  Bus: {accepts: [pii]}
  Failed: {accepts: [pii], from: [Writer]}
  Machine: {accepts: [pii]}
"""
SEED = "Secrets: [{id: s, text: secret}]\n"
FILES = {"template.yaml": TEMPLATE, "src/app.py": CODE, "valve.yaml": POLICY, "seed.yaml": SEED}
READ = ["dynamodb", "get_item", {"TableName": "$SECRETS", "Key": {"id": {"S": "s"}}}]


def calls(ground: Ground, *made: list[Any]) -> None:
    assert ground.invoke("Writer", {"calls": made}) == "done", ground.said
    ground.drain()


def sent(queue: str, *bodies: Any) -> list[list[Any]]:
    return [
        ["sqs", "send_message", {"QueueUrl": f"${queue}", "MessageBody": json.dumps(body)}] for body in bodies
    ]


def item(*marks: str) -> dict[str, Any]:
    return {"id": {"S": "i"}, **{mark: {"S": "yes"} for mark in marks}}


def copies(ground: Ground) -> list[tuple[bytes, str]]:
    """Return content and key of what is in the stream `Copies`."""
    kinesis, stream = ground.client("kinesis"), ground.name("Copies")
    (shard,) = kinesis.list_shards(StreamName=stream)["Shards"]
    at = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    found = kinesis.get_records(ShardIterator=kinesis.get_shard_iterator(**at)["ShardIterator"])["Records"]
    return [(each["Data"], each["PartitionKey"]) for each in found]


def saw(ground: Ground, function: str) -> list[Any]:
    return ground.printed(f"SAW {function.lower()} ")


def test_what_a_filter_lets_through_is_enriched_and_handed_on_with_all_that_was_learned(
    ground: Ground,
) -> None:
    orders = [{"kind": "a", "id": name} for name in ("drop", "one", "secret")]
    calls(ground, *sent("ORDERS", {"kind": "b", "id": "no"}, *orders))
    given = [each for event in saw(ground, "Enrich") for each in event]
    assert [each["id"] for each in given] == ["drop", "one", "secret"]
    assert all(each["by"].startswith(f"{ground.name('Enriched')} of ") for each in given)
    assert {json.loads(m["Body"])["told"] for m in ground.taken("Done")} == {"one, found", "secret, found"}
    written = [r for r in ground.valve.records if r.operation == "SendMessage" and r.function == "platform"]
    assert {r.writes for r in written} == {frozenset({"pii"})}
    asked = [r for r in ground.valve.records if r.operation == "SendMessage" and r.function == "Writer"]
    assert {r.cause for r in written} <= {r.ident for r in asked}
    assert not ground.taken("Orders")


def test_what_a_function_that_is_waited_for_is_not_done_with_comes_again(ground: Ground) -> None:
    calls(ground, *sent("JOBS", "fine", "bad"))
    seen = [[json.loads(each["body"]) for each in event] for event in saw(ground, "Worker")]
    assert sorted(each for event in seen for each in event) == ["bad"] * 3 + ["fine"]
    assert saw(ground, "Worker")[0][0]["eventSource"] == "aws:sqs"
    assert any("it stays in the queue" in line for line in ground.said)
    calls(ground, *sent("JOBS", "alone"))
    assert sum("alone" in each["body"] for event in saw(ground, "Worker") for each in event) == 1
    calls(ground, *sent("JOBS", "bad worst"))
    assert sum("worst" in each["body"] for event in saw(ground, "Worker") for each in event) == 3


def test_an_item_s_change_is_an_event_on_a_bus(ground: Ground) -> None:
    calls(ground, READ, ["dynamodb", "put_item", {"TableName": "$ITEMS", "Item": item()}])
    (heard,) = ground.taken("Heard")
    event = json.loads(heard["Body"])
    assert (event["source"], event["detail-type"]) == ("shop.items", "INSERT")
    assert event["detail"]["dynamodb"]["NewImage"] == {"id": {"S": "i"}}
    assert [(json.loads(data)["id"], key) for data, key in copies(ground)] == [(event["id"], event["id"])]
    (put,) = (r for r in ground.valve.records if r.operation == "PutEvents")
    assert (put.function, put.writes) == ("platform", {"pii"})


def test_records_of_a_stream_are_copied_by_their_key_and_published(ground: Ground) -> None:
    put = {"StreamName": "$CLICKS", "Data": '{"n": 1}', "PartitionKey": "k"}
    calls(ground, READ, ["kinesis", "put_record", put])
    (record,) = (r for r in ground.valve.records if r.operation == "PutRecord" and r.function == "platform")
    assert record.writes == {"pii"}
    assert copies(ground) == [(b'{"n": 1}', "k")]
    (heard,) = (json.loads(m["Body"]) for m in ground.taken("Heard"))
    assert base64.b64decode(heard["data"]) == b'{"n": 1}'
    assert "kinesis" not in heard


def test_more_than_a_target_takes_is_given_to_nobody(ground: Ground) -> None:
    calls(ground, *sent("ORDERS", {"kind": "a", "id": "many"}))
    assert not ground.taken("Done")
    assert any("`Enriched`: it has 11 events, and its target takes 10" in line for line in ground.said)


def test_a_function_that_is_not_waited_for_fails_no_batch(ground: Ground) -> None:
    calls(ground, READ, *sent("LATER", "bad worst"))
    assert not ground.taken("Later")
    assert len(saw(ground, "Behind")) == 3  # an event's own tries
    assert not any("Unwaited.Source" in line for line in ground.said)
    assert {event.label for event in ground.events("Behind")} == {frozenset({"pii"})}
    assert saw(ground, "Behind")[0] == [{"body": '"bad worst"'}]


def test_an_enrichment_that_fails_hands_nothing_on(ground: Ground) -> None:
    calls(ground, *sent("ORDERS", {"kind": "a", "id": "worst"}))
    assert any("Enriched.Source failed 3 times" in line for line in ground.said), ground.said
    assert not [r for r in ground.valve.records if (r.function, r.operation) == ("platform", "SendMessage")]


def test_what_a_target_took_of_a_batch_is_not_given_to_it_again(ground: Ground) -> None:
    calls(ground, *sent("KEYS", {"key": "k"}, {"key": ""}))
    assert [message["Body"] for message in ground.taken("Done")] == ["k"]
    assert [r.verdict for r in ground.valve.records if r.function == "platform"] == ["allow"] * 4, ground.said
    assert any("Keyed.Source failed 3 times" in line for line in ground.said), ground.said


def test_a_function_that_lets_nobody_in_fails_its_batch_and_the_run_ends(ground: Ground) -> None:
    calls(ground, *sent("LOCKED", "x"))
    assert any("Shut.Source failed 3 times" in line for line in ground.said), ground.said
    calls(ground, ["dynamodb", "put_item", {"TableName": "$ITEMS", "Item": item("barred")}])
    assert any("Barred.Source gives up 1 record" in line for line in ground.said), ground.said


def test_a_batch_starts_one_execution_and_a_pipe_that_was_stopped_moves_nothing(ground: Ground) -> None:
    calls(ground, READ, *sent("STARTS", {"n": 7}), *sent("ASIDE", "x"))
    (heard,) = ground.taken("Heard")
    assert json.loads(heard["Body"]) == [{"n": 7}]
    assert not saw(ground, "Behind")
    (by,) = (r for r in ground.valve.records if r.operation == "SendMessage" and "heard" in r.resources[0])
    assert by.writes == {"pii"}


def test_what_goes_round_ends_and_what_is_not_covered_is_told_once(ground: Ground) -> None:
    calls(ground, *sent("ROUND", "a", "b"))
    assert any("it looks like a loop" in line for line in ground.said), ground.said
    assert sum("`Foreign`: its enrichment `arn:aws:events" in line for line in ground.said) == 1
    for _ in range(2):
        ground.client("dynamodb").put_item(TableName=ground.name("Lonely"), Item=item())
    ground.drain()
    assert sum("`Distant`: its target `arn:aws:events" in line for line in ground.said) == 1


def test_what_a_stream_s_target_fails_with_is_a_dead_letter(ground: Ground) -> None:
    calls(ground, READ, ["dynamodb", "put_item", {"TableName": "$ITEMS", "Item": item("bad")}])
    assert len(saw(ground, "Worker")) == 2
    (letter,) = (json.loads(m["Body"]) for m in ground.taken("Failed"))
    arn = f"arn:aws:pipes:us-east-1:123456789012:pipe/{ground.name('Strict')}"
    assert letter["context"] == {"partnerResourceArn": arn, "condition": "RetryAttemptsExhausted"}
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1
    told = [r for r in ground.valve.records if r.operation == "SendMessage" and "failed" in r.resources[0]]
    assert [(r.function, r.writes) for r in told] == [("platform", {"pii"})]
    calls(ground, ["dynamodb", "put_item", {"TableName": "$ITEMS", "Item": item("aged", "secret")}])
    (letter,) = (json.loads(m["Body"]) for m in ground.taken("Failed"))
    assert letter["context"]["condition"] == "RecordAgeExceeded"
    told = [r for r in ground.valve.records if r.operation == "SendMessage" and "failed" in r.resources[0]]
    assert [r.writes for r in told] == [{"pii"}] * 2


def test_a_function_that_is_no_more_is_told_and_its_batch_stays(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Piping, "_named", lambda *_: None)  # as when its alias is deleted while it is up
        calls(ground, *sent("JOBS", "fine"), *sent("ORDERS", {"kind": "a", "id": "one"}))
    assert any("Waited is not woken: there is no function" in line for line in ground.said), ground.said
    assert any("Enriched is not woken: there is no function" in line for line in ground.said), ground.said
    assert not [r for r in ground.valve.records if r.function == "platform"]


@pytest.mark.parametrize(("mode", "leaks"), [("enforce", False), ("audit", True)])
def test_what_was_read_or_learned_does_not_get_to_a_target_that_may_not_have_it(
    tmp_path: Path, mode: str, leaks: bool
) -> None:
    cloud = Standing()
    policy = POLICY.replace("  Done: {accepts: [pii]}\n", "").replace("  Narrow: {accepts: [pii]}\n", "")
    with Ground(tmp_path, {**FILES, "valve.yaml": policy}, cloud, mode) as ground:
        calls(ground, *sent("ORDERS", {"kind": "a", "id": "one"}))
        assert len(ground.taken("Done")) == 1
        calls(ground, *sent("ORDERS", {"kind": "a", "id": "secret"}))
        assert bool(ground.taken("Done")) is leaks
        told = [r for r in ground.valve.records if r.operation == "SendMessage" and r.label]
        assert {(r.function, r.stopped) for r in told} == {("platform", not leaks)}
        assert all(r.reasons for r in told)
        assert any("Secrets/s" in line for line in ground.said)
        ground.client("dynamodb").put_item(TableName=ground.name("Items"), Item=item("secret"))
        ground.drain()
        assert bool(ground.taken("Narrow")) is leaks
        sends = [r for r in ground.valve.records if r.operation == "SendMessage"]
        tried = [r for r in sends if "narrow" in r.resources[0]]
        assert [r.stopped for r in tried] == [not leaks]  # what is refused is not tried again
        assert any("Narrowed.Source gives up 1 record" in line for line in ground.said) is not leaks
    cloud.end()

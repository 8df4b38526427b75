"""Queues that wake functions: batches, windows, order, visibility, dead letters, filters, how many at once.

Knows them from a whole valve on the embedded cloud. Does not know law 13's groups; `test_law_13.py` does.
"""

from __future__ import annotations

from tests.triggers.ground import Ground

CODE = """
import json, os, time

def handler(event, context):
    bodies = [r["body"] for r in event["Records"]]
    print("SAW", json.dumps(bodies), flush=True)
    if os.environ.get("REPORTS"):
        bad = [r["messageId"] for r in event["Records"] if r["body"].startswith("bad")]
        return {"batchItemFailures": [{"itemIdentifier": i} for i in bad]}
    if any(b.startswith("bad") for b in bodies):
        raise ValueError("bad")
    if os.environ.get("SLOW"):
        time.sleep(0.3)
"""


def function(name: str, queue: str, more: str = "", variables: str = "") -> str:
    return f"""
  {name}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.11
      Timeout: 20
      Environment: {{Variables: {{{variables}}}}}
      Events:
        In: {{Type: SQS, Properties: {{Queue: !GetAtt {queue}.Arn, {more}}}}}
  {queue}:
    Type: AWS::SQS::Queue
"""


KIND = """FilterCriteria: {Filters: [{Pattern: '{"body": {"kind": ["a"]}}'}]}"""
TEMPLATE = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
{function("Plain", "Jobs", "BatchSize: 4")}
    Properties:
      VisibilityTimeout: 45
      RedrivePolicy: {{deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}}
{function("Buried", "Dead")}
{function("Reporting", "Reports", "FunctionResponseTypes: [ReportBatchItemFailures]", "REPORTS: 'yes'")}
{function("Windowed", "Slowly", "BatchSize: 25, MaximumBatchingWindowInSeconds: 20")}
{function("Choosy", "Mixed", KIND)}
{function("Ordered", "Line", "BatchSize: 2")}
    Properties: {{FifoQueue: true, ContentBasedDeduplication: true, VisibilityTimeout: 30}}
{function("Few", "Many", "BatchSize: 1, ScalingConfig: {MaximumConcurrency: 2}", "SLOW: 'yes'")}
"""
FILES = {"template.yaml": TEMPLATE, "src/app.py": CODE}


def send(ground: Ground, queue: str, *bodies: str, **more: object) -> None:
    sqs, url = ground.client("sqs"), ground.url(queue)
    for start in range(0, len(bodies), 10):
        entries = [
            {"Id": str(i), "MessageBody": body, **more} for i, body in enumerate(bodies[start : start + 10])
        ]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)


def test_what_failed_is_seen_when_its_visibility_ends_and_then_moves_on_to_another_function(
    ground: Ground,
) -> None:
    send(ground, "Jobs", "bad")
    seen = []
    for seconds in (0, 44, 1, 44, 1):
        ground.advance(seconds)
        seen.append((len(ground.events("Plain")), len(ground.events("Buried"))))
    assert seen == [(1, 0), (1, 0), (2, 0), (2, 0), (2, 1)]
    assert len({event.cause for event in ground.events("Plain")}) == 1


def test_of_a_batch_only_what_was_named_comes_again(ground: Ground) -> None:
    send(ground, "Reports", "good", "bad", "fine")
    ground.settle()
    ground.advance(30)
    assert ground.printed("SAW ") == [["good", "bad", "fine"], ["bad"]]


def test_a_window_gathers_until_it_ends_or_a_batch_is_full(ground: Ground) -> None:
    send(ground, "Slowly", "1", "2")
    ground.settle()
    send(ground, "Slowly", "3")
    ground.advance(19)
    assert not ground.printed("SAW ")
    ground.advance(1)
    assert ground.printed("SAW ") == [["1", "2", "3"]]
    send(ground, "Slowly", *map(str, range(25)))
    ground.settle()
    assert len(ground.printed("SAW ")[-1]) == 25


def test_a_filter_takes_away_what_does_not_fit(ground: Ground) -> None:
    send(ground, "Mixed", '{"kind": "b"}', '{"kind": "a"}', "no JSON")
    ground.drain()
    assert ground.printed("SAW ") == [['{"kind": "a"}']]
    assert not ground.taken("Mixed")


def test_an_ordered_queue_keeps_the_order_of_a_group_through_a_failure(ground: Ground) -> None:
    send(ground, "Line", "1", "bad 2", "3", "4", MessageGroupId="g")
    ground.settle()
    assert ground.printed("SAW ") == [["1", "bad 2"]]
    ground.advance(30)
    assert ground.printed("SAW ")[1][:2] == ["1", "bad 2"]
    assert ["3", "4"] not in ground.printed("SAW ")


def test_no_more_batches_are_under_way_at_once_than_the_mapping_says(ground: Ground) -> None:
    pools = ground.valve._housing._pools
    send(ground, "Many", *map(str, range(6)))
    ground.settle()
    assert len(ground.printed("SAW ")) == 6
    (pool,) = (pool for (name, _), pool in pools.items() if name == "Few")
    assert pool._alive == 2


def test_a_delayed_message_comes_when_it_is_due(ground: Ground) -> None:
    send(ground, "Jobs", "later", DelaySeconds=90)
    ground.settle()
    ground.advance(89)
    assert not ground.printed("SAW ")
    ground.advance(2)
    assert ground.printed("SAW ") == [["later"]]


def test_large_batches_are_gathered(ground: Ground) -> None:
    send(ground, "Jobs", *map(str, range(9)))
    ground.settle()
    assert sorted(map(len, ground.printed("SAW "))) == [1, 4, 4]
    assert sorted(body for batch in ground.printed("SAW ") for body in batch) == list("012345678")

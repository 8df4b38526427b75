"""What the test's own body does: never judged, always recorded, labelled with what its stores hold.

Knows one guard. Does not know the operator's door to an enforced valve.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.hook.conftest import at, queue, waiting
from tests.hook.test_leaks import guard


def test_nothing_of_the_operators_is_refused_and_all_of_it_is_recorded(cloud: Any) -> None:
    with guard() as valve:
        at("s3").put_object(Bucket="uploads-bucket", Key="scan.txt", Body=b"x")
        content = at("s3").get_object(Bucket="uploads-bucket", Key="scan.txt")["Body"].read()
        at("sqs").send_message(QueueUrl=queue("jobs"), MessageBody=content.decode())
        at("s3").put_bucket_acl(Bucket="public-bucket", ACL="public-read")
        at("iam").list_users()
        with pytest.raises(ClientError):
            at("s3").get_object(Bucket="nobodys-bucket", Key="k")
    assert waiting("jobs") == ["x"]
    assert [(r.operation, r.verdict, r.function) for r in valve.records] == [
        (operation, "allow", "operator")
        for operation in (
            "PutObject",
            "GetObject",
            "GetQueueUrl",
            "SendMessage",
            "PutBucketAcl",
            "ListUsers",
            "GetObject",
        )
    ]
    assert not any(r.label or r.joined for r in valve.records)


def test_what_the_operator_copies_keeps_its_label(cloud: Any) -> None:
    def reads(event: Any, context: Any) -> str:
        s3 = at("s3")
        text = s3.get_object(Bucket="public-bucket", Key=event["key"])["Body"].read().decode()
        at("sqs").send_message(QueueUrl=queue("jobs"), MessageBody=text)
        return text

    with guard() as valve:
        s3 = at("s3")
        s3.put_object(Bucket="uploads-bucket", Key="scan.txt", Body=b"x")
        s3.copy_object(Bucket="public-bucket", Key="copy.txt", CopySource="uploads-bucket/scan.txt")
        with pytest.raises(ClientError):
            valve.handler("Worker", reads)({"key": "copy.txt"}, None)
        s3.put_object(Bucket="public-bucket", Key="mine.txt", Body=b"mine")
        assert valve.handler("Worker", reads)({"key": "mine.txt"}, None) == "mine"
    assert waiting("jobs") == ["mine"]

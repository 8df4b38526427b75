"""Links that a handler makes: judged when they leave by its result or by a call, as what they do for anybody.

Knows presigned URLs and forms under moto's mock. Does not know who would use one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.hook.conftest import at, queue, waiting
from tests.hook.test_leaks import guard
from valve_aws.hook.invocation import ResultRefused

Makes = Callable[[str, str], Any]


def get(bucket: str, key: str) -> str:
    url: str = at("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    return url


def get_v4(bucket: str, key: str) -> str:
    client = boto3.client("s3", config=Config(signature_version="s3v4"))
    url: str = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    return url


def put(bucket: str, key: str) -> str:
    url: str = at("s3").generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
    return url


def post(bucket: str, key: str) -> Any:
    return at("s3").generate_presigned_post(bucket, key)


@pytest.mark.parametrize("makes", [get, get_v4, put, post])
def test_a_link_leaves_with_a_result_only_by_a_line(cloud: Any, makes: Makes) -> None:
    def returns(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "body": json.dumps({"link": makes(event["bucket"], "out/k")})}

    assert "Signature" in str(returns({"bucket": "uploads-bucket"}, None)) or makes is post
    with guard() as valve:
        with pytest.raises(ResultRefused):
            valve.handler("Helper", returns)({"bucket": "uploads-bucket"}, None)
        assert valve.handler("Helper", returns)({"bucket": "public-bucket"}, None)["statusCode"] == 200
        with pytest.raises(ResultRefused):
            valve.handler("Worker", returns)({"bucket": "public-bucket"}, None)
    assert {r.reasons[0].rule for r in valve.refusals} == {"presigned"}
    assert [r.operation for r in valve.records if r.operation == "Presign"] == ["Presign"]
    with guard("audit") as valve:
        assert valve.handler("Helper", returns)({"bucket": "uploads-bucket"}, None)["statusCode"] == 200
    assert [r.reasons[0].rule for r in valve.records if r.verdict == "refuse"] == ["presigned"]


@pytest.mark.parametrize("makes", [get, get_v4, post])
def test_a_link_leaves_with_a_call_only_by_a_line(cloud: Any, makes: Makes) -> None:
    def sends(event: Any, context: Any) -> None:
        at("sqs").send_message(QueueUrl=queue("vault"), MessageBody=json.dumps(makes("uploads-bucket", "k")))

    def keeps(event: Any, context: Any) -> None:
        at("s3").put_object(Bucket="public-bucket", Key="k", Body=str(makes("uploads-bucket", "k")).encode())

    with guard() as valve:
        for handler in (sends, keeps):
            with pytest.raises(ClientError):
                valve.handler("Worker", handler)({}, None)
    assert waiting("vault") == []
    assert [(r.operation, r.reasons[0].rule) for r in valve.refusals] == [
        ("SendMessage", "presigned"),
        ("PutObject", "presigned"),
    ]


@pytest.mark.parametrize(
    "makes",
    [
        lambda: at("s3").generate_presigned_url(
            "get_object", Params={"Bucket": "public-bucket", "Key": "out/k"}, HttpMethod="PUT"
        ),
        lambda: at("s3").generate_presigned_post("public-bucket", "out/${filename}"),
    ],
)
def test_a_link_that_does_something_else_than_it_says_does_not_leave(
    cloud: Any, makes: Callable[[], Any]
) -> None:
    with guard() as valve, pytest.raises(ResultRefused):
        valve.handler("Helper", lambda event, context: makes())({}, None)
    assert [r.reasons[0].rule for r in valve.refusals] == ["presigned"]


def test_what_the_operator_makes_is_his_own(cloud: Any) -> None:
    with guard() as valve:
        link = get("uploads-bucket", "k")
        assert valve.handler("Worker", lambda event, context: link)({}, None) == link
    assert valve.refusals == []

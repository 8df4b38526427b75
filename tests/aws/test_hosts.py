"""Every form that AWS has given its host names means what it means, and nothing else is taken for AWS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from valve_aws.aws import Aws, AwsCall
from valve_aws.aws.directory import COMMON, Directory
from valve_aws.aws.hosts import REGION as REGION_NAME
from valve_aws.aws.hosts import SUFFIXES, is_aws_name, locate
from valve_aws.aws.unclear import Unclear
from valve_aws.model.call import Head, Key, Origin, Unreadable

Sign = Callable[..., tuple[Head, bytes]]

OBJECTS = [
    ("b1c.s3.amazonaws.com", "/k", "b1c"),
    ("s3.amazonaws.com", "/b1c/k", "b1c"),
    ("b1c.s3.eu-west-1.amazonaws.com", "/k", "b1c"),
    ("s3.eu-west-1.amazonaws.com", "/b1c/k", "b1c"),
    ("b1c.s3-eu-west-1.amazonaws.com", "/k", "b1c"),
    ("s3-eu-west-1.amazonaws.com", "/b1c/k", "b1c"),
    ("b1c.s3.dualstack.eu-west-1.amazonaws.com", "/k", "b1c"),
    ("s3.dualstack.eu-west-1.amazonaws.com", "/b1c/k", "b1c"),
    ("b1c.s3-fips.eu-west-1.amazonaws.com", "/k", "b1c"),
    ("b1c.s3-accelerate.amazonaws.com", "/k", "b1c"),
    ("b1c.s3-accelerate.dualstack.amazonaws.com", "/k", "b1c"),
    ("with.dots.s3.eu-west-1.amazonaws.com", "/k", "with.dots"),
    ("s3-logs.s3.eu-west-1.amazonaws.com", "/k", "s3-logs"),
    ("x--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com", "/k", "x--euw1-az1--x-s3"),
    (
        "point-123456789012.s3-accesspoint.eu-west-1.amazonaws.com",
        "/k",
        "arn:aws:s3:eu-west-1:123456789012:accesspoint/point",
    ),
    (
        "point-123456789012.s3-accesspoint.dualstack.eu-west-1.amazonaws.com",
        "/k",
        "arn:aws:s3:eu-west-1:123456789012:accesspoint/point",
    ),
    ("localhost.localstack.cloud", "/b1c/k", "b1c"),
    ("s3.localhost.localstack.cloud", "/b1c/k", "b1c"),
    ("b1c.s3.localhost.localstack.cloud", "/k", "b1c"),
    ("b1c.s3.eu-west-1.localhost.localstack.cloud", "/k", "b1c"),
    ("127.0.0.1:9000", "/b1c/k", "b1c"),
    ("localhost:9000", "/b1c/k", "b1c"),
    ("b1c.localhost:9000", "/k", "b1c"),
    ("minio", "/b1c/k", "b1c"),
]


@pytest.mark.parametrize(("host", "path", "bucket"), OBJECTS)
def test_a_bucket_is_found_wherever_it_is_named(
    aws: Aws, key: Key, sign: Sign, host: str, path: str, bucket: str
) -> None:
    head, _ = sign("GET", host, path)
    assert aws.is_aws(head)
    call = aws.read(head, None, key)
    assert isinstance(call, AwsCall), call
    assert (call.operation, call.params["Bucket"], call.params["Key"]) == ("GetObject", bucket, "k")


QUEUES = [
    "sqs.eu-west-1.amazonaws.com",
    "eu-west-1.queue.amazonaws.com",
    "sqs.eu-west-1.api.aws",
    "sqs-fips.eu-west-1.amazonaws.com",
    "sqs.eu-west-1.localhost.localstack.cloud",
    "10.0.0.1:4566",
    "any.host.example",
]


@pytest.mark.parametrize("host", QUEUES)
def test_a_service_is_found_at_each_of_its_names(aws: Aws, key: Key, sign: Sign, host: str) -> None:
    headers = {"x-amz-target": "AmazonSQS.ListQueues", "content-type": "application/x-amz-json-1.0"}
    head, body = sign("POST", host, "/", b"{}", service="sqs", headers=headers)
    assert aws.is_aws(head)
    call = aws.read(head, body, key)
    assert isinstance(call, AwsCall), call
    assert (call.service, call.operation, call.region) == ("sqs", "ListQueues", "eu-west-1")


REGIONS = [
    ("dynamodb.cn-north-1.amazonaws.com.cn", "aws-cn", "cn-north-1"),
    ("dynamodb.cn-north-1.api.amazonwebservices.com.cn", "aws-cn", "cn-north-1"),
    ("dynamodb.us-gov-west-1.amazonaws.com", "aws-us-gov", "us-gov-west-1"),
    ("dynamodb.us-iso-east-1.c2s.ic.gov", "aws-iso", "us-iso-east-1"),
    ("dynamodb.eu-west-1.amazonaws.com", "aws", "eu-west-1"), ("queue.amazonaws.com", "aws", "us-east-1"),
    ("sts.amazonaws.com", "aws", ""), ("dynamodb.ap-southeast-7.api.aws", "aws", "ap-southeast-7"),
]


@pytest.mark.parametrize(("host", "partition", "region"), REGIONS)
def test_partition_and_region_are_those_of_the_name(host: str, partition: str, region: str) -> None:
    site = locate(host, ())
    assert (site.genuine, site.partition, site.region) == (True, partition, region)


@pytest.mark.parametrize(("host", "account", "foreign"), [
    ("123456789012.ddb.eu-west-1.amazonaws.com", "123456789012", False),
    ("999999999999.ddb.eu-west-1.amazonaws.com", "999999999999", True),
])
def test_a_name_of_another_account_is_foreign(
    aws: Aws, key: Key, sign: Sign, host: str, account: str, foreign: bool
) -> None:
    headers = {"x-amz-target": "DynamoDB_20120810.ListTables"}
    head, body = sign("POST", host, "/", b"{}", service="dynamodb", headers=headers)
    call = aws.read(head, body, key)
    assert isinstance(call, AwsCall), call
    assert (call.site_account, account in call.foreign) == (account, foreign)


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "amazonaws.com.evil.example",
        "evil-amazonaws.com",
        "xamazonaws.com",
        "s3.amazonaws.com.evil.example",
        "abc123.execute-api.eu-west-1.amazonaws.com",
        "abc.lambda-url.eu-west-1.on.aws",
        "d1.cloudfront.net",
        "my.s3-website-eu-west-1.amazonaws.com",
        "my.s3-website.eu-west-1.amazonaws.com",
        "db.abc.eu-west-1.rds.amazonaws.com",
        "lb-1.eu-west-1.elb.amazonaws.com",
        "checkip.amazonaws.com",
        "ip-ranges.amazonaws.com",
        "localhost",
        "localstack.cloud.example",
    ],
)
def test_what_is_not_an_api_of_aws_is_a_host_like_any_other(host: str) -> None:
    assert not is_aws_name(host)


@pytest.mark.parametrize(
    "host", ["amazonaws.com", "nothing.eu-west-1.amazonaws.com", "eu-west-1.amazonaws.com"]
)
def test_an_aws_name_that_means_nothing_is_refused(aws: Aws, key: Key, sign: Sign, host: str) -> None:
    head, body = sign("GET", host, "/")
    assert isinstance(aws.read(head, body, key), Unreadable)


def test_a_custom_name_that_may_hold_a_bucket_is_refused_until_it_is_declared(
    aws: Aws, key: Key, sign: Sign
) -> None:
    head, _ = sign("GET", "b1c.minio.example", "/xyz/y")
    found = aws.read(head, None, key)
    assert isinstance(found, Unreadable)
    assert "declare the endpoint" in found.problem
    for endpoint, bucket in (("minio.example", "b1c"), ("b1c.minio.example", "xyz")):
        told: dict[str, Any] = {
            "endpoints": (endpoint,),
            "now": lambda: 1_800_000_000.0,
            "judge": lambda *_: None,
        }
        call = Aws("123456789012", "eu-west-1", lambda table: None, **told).read(head, None, key)
        assert isinstance(call, AwsCall), call
        assert call.params["Bucket"] == bucket


def test_another_host_is_meant_for_aws_only_when_signed_with_an_issued_key(
    aws: Aws, key: Key, sign: Sign
) -> None:
    theirs = Key("AKIAATTACKER00000000", "x", "")
    assert aws.is_aws(sign("GET", "minio", "/b1c/k")[0])
    assert not aws.is_aws(sign("GET", "minio", "/b1c/k", key=theirs)[0])
    assert not aws.is_aws(Head("GET", "/", (("host", "minio"),), "minio", Origin("e", "http", "", 80)))


def test_suffixes_and_regions_are_botocores() -> None:
    from botocore.loaders import Loader

    known = {suffix for suffix, _ in SUFFIXES}
    for partition in Loader().load_data("partitions")["partitions"]:
        outputs = partition["outputs"]
        assert {outputs["dnsSuffix"], outputs["dualStackDnsSuffix"]} <= known, partition["id"]
        for region in partition["regions"]:
            assert REGION_NAME.fullmatch(region) or region.endswith("-global"), region


def test_the_common_services_are_botocores_and_are_found_without_the_others() -> None:
    directory = Directory()
    whole = directory.whole()
    for line in filter(None, COMMON.split("\n")):
        service, prefix, signing, target = line.split()
        assert service in whole.prefix[prefix]
        assert service in whole.signing[signing]
        assert target == "-" or whole.target[target] == {service}


def test_a_host_without_labels_is_unclear() -> None:
    with pytest.raises(Unclear):
        locate("dualstack.eu-west-1.amazonaws.com", ())

"""Host names of AWS: which service, region, account and bucket a name means.

Knows every form that AWS has given its names. Does not know what is asked of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from valve_aws.aws.unclear import Unclear

SUFFIXES = (
    ("amazonaws.com.cn", "aws-cn"), ("api.amazonwebservices.com.cn", "aws-cn"),
    ("amazonaws.com", "aws"), ("api.aws", "aws"),
    ("amazonaws.eu", "aws-eusc"), ("api.amazonwebservices.eu", "aws-eusc"),
    ("api.aws.ic.gov", "aws-iso"), ("c2s.ic.gov", "aws-iso"),
    ("api.aws.scloud", "aws-iso-b"), ("sc2s.sgov.gov", "aws-iso-b"),
    ("api.cloud-aws.adc-e.uk", "aws-iso-e"), ("cloud.adc-e.uk", "aws-iso-e"),
    ("api.aws.hci.ic.gov", "aws-iso-f"), ("csp.hci.ic.gov", "aws-iso-f"),
    ("localhost.localstack.cloud", "aws"),
)
"""DNS suffix → partition. Source: botocore's partitions.json; a test holds the two together."""

LOCAL_SUFFIX = "localhost.localstack.cloud"

REGION = re.compile(
    r"(?:us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov|us-iso|us-isob|us-isof|eu-isoe|eusc-de)-[a-z]+-\d"
)

GLOBAL_REGION = {
    "aws": "us-east-1",
    "aws-cn": "cn-northwest-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
}

USERS_OWN = re.compile(
    r"(?:^|\.)(?:execute-api|lambda-url|elb|cloudfront|appsync-api|appsync-realtime-api|es|aoss|rds|cache|s3-website[-.].*"
    r"|compute|compute-1|iot|redshift|docdb|neptune|kafka|elasticbeanstalk|awsapprunner|mq)(?:\.|$)")
"""Names below AWS's suffixes behind which a customer's own thing answers, not an AWS API: hosts like any
other."""

PLAIN = frozenset({"checkip.amazonaws.com", "ip-ranges.amazonaws.com"})
"""Pages below AWS's suffixes that belong to no service and ask for no signature: hosts like any other."""

S3_LABEL = re.compile(r"s3(?:-fips|-accelerate|-external-1)?")
S3_LEGACY = re.compile(r"s3-(?P<region>[a-z]{2}-[a-z-]+-\d)")
S3_ELSEWHERE = re.compile(r"s3-object-lambda(?:-fips)?|s3-outposts(?:-fips)?|s3-global|mrap")
EXPRESS = re.compile(r"s3express(?:-fips)?-(?P<zone>[a-z0-9]+-az\d+)")
ACCESS_POINT = re.compile(r"(?P<name>[a-z0-9-]+)-(?P<account>\d{12})")
ACCOUNT_PREFIXES = frozenset(
    {"ddb", "streams-ddb", "search-ddb", "s3-control", "data-kinesis", "control-kinesis"}
)
"""Names that an account's number may stand before (account-based endpoints)."""
ADDRESS = re.compile(r"[\d.]+|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Site:
    """What a host name says. "" is what it does not say."""

    genuine: bool
    """False: a custom `endpoint_url`; only the signature says that AWS is meant."""
    partition: str = "aws"
    prefix: str = ""
    """The service's own part of the name: `sqs`, `streams.dynamodb`."""
    region: str = ""
    account: str = ""
    bucket: str = ""
    """A virtual-host bucket, or the ARN of an access point."""
    express: bool = False
    bare: bool = False
    """A name that stands for every service: `localhost.localstack.cloud`, or an endpoint that the stack
    declares."""


@lru_cache(maxsize=1024)
def is_aws_name(host: str) -> bool:
    """Say whether a host name belongs to AWS's own API names (whether or not it is one that can be read)."""
    suffix = suffix_of(host)
    if suffix is None or host in PLAIN:
        return False
    rest = host[:-len(suffix[0])].rstrip(".")
    return suffix[0] == LOCAL_SUFFIX or (bool(rest) and not USERS_OWN.search(rest))


def suffix_of(host: str) -> tuple[str, str] | None:
    """Return the (DNS suffix, partition) that a host name ends with, None when it is nobody's of AWS."""
    for suffix, partition in SUFFIXES:
        if host == suffix or host.endswith("." + suffix):
            return suffix, partition
    return None


@lru_cache(maxsize=1024)
def locate(host: str, endpoints: tuple[str, ...]) -> Site:
    """Return what a host name means; raises `Unclear` for an AWS name of no known form.

    `endpoints` are the custom endpoint hosts that the stack declares: a name below one of them is a
    virtual-host bucket. """
    suffix = suffix_of(host)
    if suffix is None:
        if host in endpoints:
            return Site(False, bare=True)
        for endpoint in endpoints:
            if host.endswith("." + endpoint):
                return Site(False, bucket=host[:-len(endpoint) - 1])
        return Site(False)
    labels = host[:-len(suffix[0])].rstrip(".").split(".")
    if labels == [""]:
        if suffix[0] == LOCAL_SUFFIX:
            return Site(True, bare=True)
        raise Unclear(f"`{host}` names no AWS service")
    partition, region = suffix[1], ""
    if REGION.fullmatch(labels[-1]):
        region = labels.pop()
        partition = partition_of(region, partition)
    if not labels:
        raise Unclear(f"`{host}` names no AWS service")
    return s3_site(host, labels, partition, region) or plain_site(labels, partition, region)


def partition_of(region: str, otherwise: str) -> str:
    """Return the partition that a region's name belongs to."""
    return "aws-us-gov" if region.startswith("us-gov-") else otherwise


def s3_site(host: str, labels: list[str], partition: str, region: str) -> Site | None:
    """Return what an S3 name means, None when the name is not S3's. `labels` end before the region."""
    if labels[-1] == "dualstack":
        labels = labels[:-1]
    if not labels:
        raise Unclear(f"`{host}` names no AWS service")
    last, before = labels[-1], ".".join(labels[:-1])
    legacy = S3_LEGACY.fullmatch(last)
    if legacy and not region:
        return Site(True, partition, "s3", legacy["region"], bucket=before)
    if S3_LABEL.fullmatch(last):
        return Site(
            True, partition, "s3", region or ("us-east-1" if last == "s3-external-1" else ""), bucket=before
        )
    if last in {"s3-accesspoint", "s3-accesspoint-fips"}:
        point = ACCESS_POINT.fullmatch(before)
        if not point or not region:
            raise Unclear(f"`{host}` names no access point")
        arn = f"arn:{partition}:s3:{region}:{point['account']}:accesspoint/{point['name']}"
        return Site(True, partition, "s3", region, bucket=arn)
    if last in {"s3express-control", "s3express-control-fips"}:
        return Site(True, partition, "s3", region, bucket=before, express=True)
    if EXPRESS.fullmatch(last):
        return Site(True, partition, "s3", region, bucket=before, express=True)
    if S3_ELSEWHERE.fullmatch(last) or before.endswith(".s3-global") or last == "accesspoint":
        raise Unclear(
            f"`{host}` is an S3 address of a kind not served here (object lambda, outposts, multi-region)"
        )
    return None


def plain_site(labels: list[str], partition: str, region: str) -> Site:
    """Return what any other service's name means. `labels` end before the region."""
    account = ""
    if (
        len(labels) > 1
        and labels[-1].removesuffix("-fips") in ACCOUNT_PREFIXES
        and re.fullmatch(r"\d{12}", labels[0])
    ):
        account, labels = labels[0], labels[1:]
    if len(labels) == 2 and labels[-1] == "queue" and REGION.fullmatch(labels[0]):
        return Site(True, partition_of(labels[0], partition), "queue", labels[0])
    prefix = ".".join(labels)
    if prefix == "queue" and not region:
        region = "us-east-1"
    return Site(True, partition, prefix.removesuffix("-fips").removeprefix("fips."), region, account)


def is_address(host: str) -> bool:
    """Say whether a host is an IP address, not a name."""
    return bool(ADDRESS.fullmatch(host))

"""What the Lambda API asks of the cloud behind the valve: code in a bucket, whether a source or a network is
there.

Knows the calls and what Lambda says of their answers. Does not keep what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from valve_aws.api.fault import invalid
from valve_aws.aws import xmls
from valve_aws.aws.names import bucket as bucket_arn
from valve_aws.aws.unclear import Unclear
from valve_aws.course.commands import Lost
from valve_aws.model.cell import Extent, one
from valve_aws.model.safe import plain
from valve_aws.model.verdict import Mode
from valve_aws.passage.driver import Passage
from valve_aws.proxy.grammar import TooLarge
from valve_aws.triggers.sending import queue_url

NETWORKS = (
    ("DescribeSecurityGroups", "group-id", "groupId", "InvalidGroup", "The security group"),
    ("DescribeSubnets", "subnet-id", "subnetId", "InvalidSubnetID", "The subnet ID"),
)
"""(operation, its filter, the member of its answer, what is not found, AWS's word for it), in AWS's order."""

LARGEST_PACKAGE = 262_144_000
"""Bytes of a package in a bucket: unpacked it has to be smaller than that (Lambda quotas)."""

SAID = {
    "NoSuchBucket": "The specified bucket does not exist",
    "NoSuchKey": "The specified key does not exist.",
    "AccessDenied": "Access Denied",
    "": "Access Denied",
}
"""S3's error code → its message."""


@dataclass(frozen=True, slots=True)
class Look:
    """How it is seen whether a source is there."""

    operation: str
    names: str
    """The member that names it."""
    there: bytes
    """What an answer has when it is."""
    missing: bytes
    """What an error has when it is not."""
    said: str
    """What Lambda says then."""


LOOKS = {
    "dynamodb": Look(
        "DescribeTable", "TableName", b'"LatestStreamArn"', b"ResourceNotFound", "Stream not found: {}"
    ),
    "kinesis": Look(
        "DescribeStreamSummary", "StreamName", b'"StreamARN"', b"ResourceNotFound", "Stream not found: {}"
    ),
    "sqs": Look(
        "GetQueueAttributes",
        "QueueUrl",
        b'"QueueArn"',
        b"QueueDoesNotExist",
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist.",
    ),
}
"""By the service of a source."""


class Behind:
    """The cloud behind a valve, as the Lambda API sees it (`api.ports.Engine`). Nobody judges what is asked
    here: it is the platform that asks."""

    def __init__(self, passage: Passage, say: Callable[[str], None]) -> None:
        self._passage, self._say = passage, say

    async def fetch(self, bucket: str, key: str, version: str) -> bytes:
        """See `Engine`. Raises `Fault`.

        Why nothing that carries a label: whoever runs that code has what it says, and no event would bring it
        along.
        """
        asked = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
        before = self._passage.book.stamp()
        try:
            status, body = await self._passage.fetch("s3", "GetObject", asked, LARGEST_PACKAGE)
        except TooLarge as large:
            limit = f"Unzipped size must be smaller than {LARGEST_PACKAGE} bytes"
            raise invalid(limit) from large
        except Lost as lost:
            raise invalid(f"Error occurred while GetObject. {plain(str(lost))}") from lost
        if status != 200:
            code = next((c for c in ("NoSuchBucket", "NoSuchKey") if c.encode() in body), "AccessDenied")
            raise invalid(
                f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {SAID[code]}"
            )
        store = bucket_arn(bucket)
        (held,) = self._passage.book.held([one(store, key)], before).values()
        carries = self._passage.court.judge.carried(Extent(store, name=key), held)
        if self._passage.court.mode is not Mode.OFF and (carries.label or not carries.complete):
            self._say(f"valve: s3://{plain(bucket)}/{plain(key)} carries a label; it cannot become code")
            raise invalid(
                f"Error occurred while GetObject. S3 Error Code: AccessDenied. S3 Error Message: {SAID['']}"
            )
        return body

    async def lacks(self, source: str) -> str:
        """See `Engine`."""
        service = source.split(":")[2]
        look = LOOKS[service]
        name = queue_url(source) if service == "sqs" else source.partition("/stream/")[0].rpartition("/")[2]
        asked = {look.names: name, **({"AttributeNames": ["QueueArn"]} if service == "sqs" else {})}
        try:
            status, body = await self._passage.fetch(service, look.operation, asked)
        except Lost:
            return ""  # Why: whoever cannot be asked has not said that it is not there
        gone = look.there not in body if status == 200 else look.missing in body
        return look.said.format(source) if gone else ""

    async def network(self, subnets: Sequence[str], groups: Sequence[str]) -> str:
        """See `Engine`."""
        vpc = ""
        for (operation, by, member, code, word), asked in zip(NETWORKS, (groups, subnets), strict=True):
            there = await self._networks(operation, by, member, asked)
            if there is None:
                return ""
            if missed := next((each for each in asked if each not in there), None):
                raise invalid(
                    f"Error occurred while {operation}. EC2 Error Code: {code}.NotFound. "
                    f"EC2 Error Message: {word} '{missed}' does not exist"
                )
            vpc = next((there[each] for each in asked), vpc)
        return vpc

    async def _networks(
        self, operation: str, by: str, member: str, asked: Sequence[str]
    ) -> Mapping[str, str] | None:
        """Return the VPC of each that there is, None where nobody tells of any: nothing comes of them."""
        if not asked:
            return {}
        try:
            params = {"Filters": [{"Name": by, "Values": list(asked)}]}
            status, body = await self._passage.fetch("ec2", operation, params)
            listed = xmls.parsed(body).children if status == 200 else None
        except (Lost, Unclear):
            listed = None
        if listed is None:
            return None
        items = [{e.tag: e.words() for e in item.children} for each in listed for item in each.children]
        return {item[member]: item.get("vpcId", "") for item in items if member in item}

"""A real embedded cloud takes what is written anew, and the client reads its replies as if nothing stood
between."""

from __future__ import annotations

import http.client
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.wire.sdk import ACCOUNT, KEY, KEYS, REGION, through
from valve_aws.aws import Aws, AwsCall, Endpoint, Length, Settled
from valve_aws.backend.process import Moto
from valve_aws.model.call import Head, Key
from valve_aws.model.cell import Cell
from valve_aws.model.ports import Outcome
from valve_aws.model.stack import KeySchema

UPSTREAM = Key("AKIAUPSTREAM00000000", "upstream-secret", "")


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    server = Moto.start([], [], REGION)
    yield server
    server.stop()


class Between:
    """Stands where the valve stands: reads each request, writes it anew, sends it, settles the reply."""

    def __init__(self, port: int) -> None:
        self.aws = Aws(ACCOUNT, REGION, lambda table: KeySchema(("id", "S")))
        self.port = port
        self.calls: list[AwsCall] = []
        self.settled: list[Settled] = []

    def carry(self, head: Head, body: bytes) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        """Carry one request."""
        held = self.aws.peek(head)
        call = self.aws.read(head, body if held else None, KEY)
        assert isinstance(call, AwsCall), call
        assert not call.foreign
        decoder = self.aws.payload(call)
        length = Length(decoder.length) if decoder else None
        sent = self.aws.write(
            call, Endpoint("http", "127.0.0.1", self.port), UPSTREAM, datetime.now(UTC), length
        )
        content = decoder.feed(body) + decoder.finish() if decoder else sent.body
        upstream = http.client.HTTPConnection("127.0.0.1", self.port)
        upstream.putrequest(sent.method, sent.path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.headers:
            upstream.putheader(name, value)
        upstream.endheaders(content)
        reply = upstream.getresponse()
        headers, answer = reply.getheaders(), reply.read()
        upstream.close()
        self.calls.append(call)
        self.settled.append(
            self.aws.reply(call, reply.status, headers, answer if self.aws.wants_reply(call) else None)
        )
        return reply.status, headers, answer


@pytest.fixture
def between(moto: Moto) -> Between:
    return Between(moto.port)


@pytest.fixture
def s3(between: Between) -> Any:
    made = through("s3", between.carry)
    try:
        made.create_bucket(Bucket="my-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    except made.exceptions.BucketAlreadyOwnedByYou:
        pass  # Why: one moto serves every test of this module
    return made


@pytest.mark.parametrize("key", [k for k in KEYS if k != "..x/.y"])
@pytest.mark.parametrize("style", ["virtual", "path"])
def test_an_object_keeps_its_key_and_its_bytes(between: Between, s3: Any, key: str, style: str) -> None:
    client = through("s3", between.carry, s3={"addressing_style": style})
    client.put_object(
        Bucket="my-bucket", Key=key, Body=key.encode() * 99, Metadata={"who": "me"}, ContentType="x/y"
    )
    got = client.get_object(Bucket="my-bucket", Key=key)
    assert got["Body"].read() == key.encode() * 99
    assert (got["Metadata"], got["ContentType"]) == ({"who": "me"}, "x/y")
    listed = client.list_objects_v2(Bucket="my-bucket", Prefix=key)
    assert key in [entry["Key"] for entry in listed["Contents"]]


def test_a_replaced_object_is_settled_with_its_etag(between: Between, s3: Any) -> None:
    put = s3.put_object(Bucket="my-bucket", Key="k", Body=b"1")
    cell = Cell("arn:aws:s3:::my-bucket", "k")
    assert between.settled[-1].versions == {cell: put["ETag"]}
    s3.get_object(Bucket="my-bucket", Key="k")
    assert between.settled[-1].seen == {cell: put["ETag"]}
    s3.delete_object(Bucket="my-bucket", Key="k")
    assert between.settled[-1].removed == (cell,)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="my-bucket", Key="k")
    assert between.settled[-1].outcome is Outcome.FAILED


def test_a_copy_and_a_batch_of_deletions_pass(between: Between, s3: Any) -> None:
    s3.put_object(Bucket="my-bucket", Key="from here", Body=b"1")
    copied = s3.copy_object(
        Bucket="my-bucket", Key="to", CopySource={"Bucket": "my-bucket", "Key": "from here"}
    )
    assert between.settled[-1].versions == {
        Cell("arn:aws:s3:::my-bucket", "to"): copied["CopyObjectResult"]["ETag"]
    }
    gone = s3.delete_objects(Bucket="my-bucket", Delete={"Objects": [{"Key": "to"}, {"Key": "from here"}]})
    assert {entry["Key"] for entry in gone["Deleted"]} == {"to", "from here"}
    assert {cell.name for cell in between.settled[-1].removed} == {"to", "from here"}


def test_a_multipart_upload_passes_with_the_checksums_that_its_client_gave(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="my-bucket", Key="big")["UploadId"]
    body = b"p" * (5 << 20)
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(
            Bucket="my-bucket", Key="big", UploadId=upload, PartNumber=n, Body=io.BytesIO(body))["ETag"]}
        for n in (1, 2)
    ]
    s3.complete_multipart_upload(
        Bucket="my-bucket", Key="big", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert s3.get_object(Bucket="my-bucket", Key="big")["Body"].read() == body * 2


def test_a_message_is_settled_under_the_id_that_the_reply_gives(between: Between) -> None:
    sqs = through("sqs", between.carry)
    url = sqs.create_queue(QueueName="jobs", Attributes={"DelaySeconds": "0"})["QueueUrl"]
    sent = sqs.send_message(QueueUrl=url, MessageBody="<a> & b", MessageAttributes={
        "k": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}})
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
    assert between.settled[-1].created == (Cell(arn, sent["MessageId"]),)
    batch = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": n, "MessageBody": n} for n in "ab"])
    assert between.settled[-1].created == tuple(Cell(arn, e["MessageId"]) for e in batch["Successful"])
    got = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10)["Messages"]
    assert got[0]["Body"] == "<a> & b"
    assert got[0]["MessageAttributes"]["k"]["BinaryValue"] == b"\x00\xff"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"])


def test_an_item_keeps_every_type_that_it_holds(between: Between) -> None:
    dynamodb = through("dynamodb", between.carry)
    dynamodb.create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    item = {
        "id": {"S": "ü/%"}, "n": {"N": "1.50"}, "b": {"B": b"\x00"}, "l": {"L": [{"S": "x"}, {"NULL": True}]},
        "m": {"M": {"a": {"BOOL": False}}}, "ns": {"NS": ["1", "2"]}, "bs": {"BS": [b"1"]}, "e": {"S": ""},
    }
    dynamodb.put_item(TableName="items", Item=item)
    assert dynamodb.get_item(TableName="items", Key={"id": item["id"]})["Item"] == item
    dynamodb.update_item(TableName="items", Key={"id": item["id"]}, UpdateExpression="SET n = :n",
                         ExpressionAttributeValues={":n": {"N": "2"}})
    found = dynamodb.query(TableName="items", KeyConditionExpression="id = :i",
                           ExpressionAttributeValues={":i": item["id"]})
    assert found["Items"][0]["n"] == {"N": "2"}
    dynamodb.batch_write_item(RequestItems={"items": [{"DeleteRequest": {"Key": {"id": item["id"]}}}]})
    assert dynamodb.scan(TableName="items")["Count"] == 0


def test_the_other_protocols_pass_too(between: Between) -> None:
    topic = through("sns", between.carry).create_topic(Name="news")["TopicArn"]
    sns = through("sns", between.carry)
    assert sns.publish(TopicArn=topic, Message="m", MessageAttributes={
        "k": {"DataType": "String", "StringValue": "v"}})["MessageId"]
    assert through("sts", between.carry).get_caller_identity()["Account"] == ACCOUNT
    ssm = through("ssm", between.carry)
    ssm.put_parameter(Name="/app/mode", Value="live", Type="String")
    assert ssm.get_parameter(Name="/app/mode")["Parameter"]["Value"] == "live"
    secrets = through("secretsmanager", between.carry)
    secrets.create_secret(Name="partner", SecretBinary=b"\x00")
    assert secrets.get_secret_value(SecretId="partner")["SecretBinary"] == b"\x00"
    events = through("events", between.carry)
    assert (
        events.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}])["FailedEntryCount"]
        == 0
    )
    assert through("lambda", between.carry).list_functions()["Functions"] == []
    logs = through("logs", between.carry)
    logs.create_log_group(logGroupName="/aws/x")
    assert logs.describe_log_groups()["logGroups"][0]["logGroupName"] == "/aws/x"


def test_mail_is_taken_from_any_sender(between: Between) -> None:
    sent = through("ses", between.carry).send_email(
        Source="shop@example.org",
        Destination={"ToAddresses": ["alice@example.org"]},
        Message={"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}},
    )
    assert sent["MessageId"]

"""An embedded cloud that is written down and begun again holds what it held, and works on."""

from __future__ import annotations

import importlib
import io
import json
import pickle
from pathlib import Path
from typing import Any

import boto3
import pytest

from valve_aws.backend import Moto, keeping

TABLE = {
    "logical": "T",
    "kind": "AWS::DynamoDB::Table",
    "name": "t",
    "arn": "arn:aws:dynamodb:us-east-1:123456789012:table/t",
    "properties": {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
    },
}
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"


def client(moto: Moto, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=moto.endpoint().url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )


@pytest.mark.slow
def test_every_service_goes_on_where_it_was(tmp_path: Path) -> None:
    moto = Moto.start([TABLE], [], "us-east-1")
    s3, sqs, sns = (client(moto, name) for name in ("s3", "sqs", "sns"))
    s3.create_bucket(Bucket="bbb")
    s3.put_bucket_versioning(Bucket="bbb", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="bbb", Key="k", Body=b"one")["VersionId"]
    upload = s3.create_multipart_upload(Bucket="bbb", Key="m")["UploadId"]
    s3.upload_part(Bucket="bbb", Key="m", UploadId=upload, PartNumber=1, Body=b"part")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    sent = sqs.send_message(QueueUrl=queue, MessageBody="hello")["MessageId"]
    topic = sns.create_topic(Name="n")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    client(moto, "dynamodb").put_item(TableName="t", Item={"id": {"S": "1"}, "b": {"B": b"\xff"}})
    client(moto, "kinesis").create_stream(StreamName="s", ShardCount=1)
    client(moto, "kinesis").put_record(StreamName="s", Data=b"d", PartitionKey="p")
    client(moto, "events").put_rule(Name="r", EventPattern='{"source": ["a"]}')
    client(moto, "events").put_targets(Rule="r", Targets=[{"Id": "1", "Arn": QUEUE}])
    client(moto, "secretsmanager").create_secret(Name="x", SecretString="v")
    client(moto, "ssm").put_parameter(
        Name="/p", Value="v", Type="String", Tags=[{"Key": "a", "Value": "b"}]
    )
    kms = client(moto, "kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert moto.keep(tmp_path / "cloud") == []
    moto.stop()

    moto = Moto.start([TABLE], [], "us-east-1", kept=tmp_path / "cloud")
    s3, sqs, sns = (client(moto, name) for name in ("s3", "sqs", "sns"))
    assert moto.warnings == []
    assert s3.get_object(Bucket="bbb", Key="k", VersionId=version)["Body"].read() == b"one"
    assert s3.put_object(Bucket="bbb", Key="k", Body=b"two")["VersionId"] != version
    tag = s3.list_parts(Bucket="bbb", Key="m", UploadId=upload)["Parts"][0]["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    s3.complete_multipart_upload(Bucket="bbb", Key="m", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(Bucket="bbb", Key="m")["Body"].read() == b"part"
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert (message["MessageId"], message["Body"]) == (sent, "hello")
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    sns.publish(TopicArn=topic, Message="by topic")
    assert "by topic" in sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"]
    client(moto, "events").put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}])
    assert '"source": "a"' in sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"]
    item = client(moto, "dynamodb").get_item(TableName="t", Key={"id": {"S": "1"}})["Item"]
    assert item["b"]["B"] == b"\xff"
    kinesis = client(moto, "kinesis")
    shard = kinesis.list_shards(StreamName="s")["Shards"][0]["ShardId"]
    first = kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    assert kinesis.get_records(ShardIterator=first["ShardIterator"])["Records"][0]["Data"] == b"d"
    assert client(moto, "secretsmanager").get_secret_value(SecretId="x")["SecretString"] == "v"
    ssm = client(moto, "ssm")
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/p")["TagList"][0]["Key"] == "a"
    ssm.put_parameter(Name="/new", Value="v", Type="String", Tags=[{"Key": "c", "Value": "d"}])
    assert client(moto, "kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"p"
    moto.stop()


def _named(module: str, name: str) -> bytes:
    """The opcodes by which a pickle names something."""
    texts = (pickle.SHORT_BINUNICODE + bytes([len(each)]) + each.encode() for each in (module, name))
    return b"".join(texts) + pickle.STACK_GLOBAL


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("moto.moto_proxy.certificate_creator", "CertificateCreator"),
        ("moto.server", "ThreadedMotoServer"),
        ("moto.core.base_backend", "InstanceTrackerMeta"),
        ("moto.sqs.models", "Queue.add_message"),
        ("moto.s3.models", "os.system"),
    ],
)
def test_what_serves_or_makes_classes_has_no_place_in_a_kept_cloud(module: str, name: str) -> None:
    with pytest.raises(keeping.Unreadable, match="no place"):
        keeping.read(io.BytesIO(pickle.PROTO + b"\x04" + _named(module, name) + pickle.STOP))


@pytest.mark.parametrize("named", ["moto.sqs.models Queue", "requests.structures CaseInsensitiveDict"])
def test_what_is_read_changes_no_class(named: str) -> None:
    """A pickle may give anything that it names a state, a class, too: `(None, {"purge": 7})`."""
    module, _, name = named.partition(" ")
    kind = getattr(importlib.import_module(module), name)
    before = dict(vars(kind))
    state = pickle.NONE + pickle.EMPTY_DICT + b"\x8c\x05purge" + b"K\x07" + pickle.SETITEM + pickle.TUPLE2
    written = pickle.PROTO + b"\x04" + _named(module, name) + state + pickle.BUILD
    try:
        with pytest.raises(keeping.Unreadable, match="class"):
            keeping.read(io.BytesIO(written + pickle.POP + pickle.EMPTY_LIST + pickle.STOP))
        assert dict(vars(kind)) == before
    finally:
        if "purge" in vars(kind):
            del kind.purge


def machine(text: dict[str, Any]) -> dict[str, Any]:
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
    properties = {"DefinitionString": json.dumps({"StartAt": "A", "States": {"A": text}})}
    kind = "AWS::StepFunctions::StateMachine"
    return {"logical": "M", "kind": kind, "name": "m", "arn": arn, "properties": properties}


@pytest.mark.slow
def test_an_execution_that_was_under_way_is_over_and_the_machine_is_what_the_template_says(
    tmp_path: Path,
) -> None:
    waits = machine({"Type": "Wait", "Seconds": 3600, "End": True})
    moto = Moto.start([waits], [], "us-east-1")
    asked = {"stateMachineArn": waits["arn"], "input": "{}", "name": "one"}
    execution = client(moto, "stepfunctions").start_execution(**asked)["executionArn"]
    assert moto.keep(tmp_path / "cloud") == []
    moto.stop()

    moto = Moto.start(
        [machine({"Type": "Pass", "Result": "now", "End": True})], [], "us-east-1", kept=tmp_path / "cloud"
    )
    states = client(moto, "stepfunctions")
    told = states.describe_execution(executionArn=execution)
    assert (told["status"], "stopDate" in told) == ("ABORTED", True)
    assert '"now"' in states.describe_state_machine(stateMachineArn=waits["arn"])["definition"]
    moto.stop()

"""What a template declares and a seed holds, created at an endpoint through boto3 as any client would.

Knows which calls create what. Does not know where the endpoint is from, nor what is created for what.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

Properties = dict[str, Any]

THERE = re.compile("AlreadyExists|AlreadyOwned|ResourceExists|QueueNameExists|ResourceInUse")
"""What services answer when something of that name is there: somebody else made it, and it stays as it is."""


class Filler:
    """Creates what a template declares, through boto3 as any client would."""

    def __init__(self, url: str, region: str) -> None:
        self._url, self._region = url, region
        self._clients: dict[str, Any] = {}
        self.warnings: list[str] = []

    def client(self, service: str) -> Any:
        """Return a client of the cloud that is filled."""
        if service not in self._clients:
            import boto3
            from botocore.config import Config

            self._clients[service] = boto3.client(
                service,
                region_name=self._region,
                endpoint_url=self._url,
                config=Config(
                    s3={"addressing_style": "path"},
                    retries={"total_max_attempts": 1},
                    inject_host_prefix=False,
                    account_id_endpoint_mode="disabled",
                ),
            )
        return self._clients[service]

    def create(self, resource: dict[str, Any]) -> None:
        """Create one resource; a property that moto does not know is dropped with a warning, never a
        failure."""
        maker = MAKERS.get(resource["kind"])
        try:
            if maker:
                maker(self, resource["name"], resource.get("properties") or {})
        except Exception as error:
            told = getattr(error, "response", {}).get("Error", {}).get("Code", "")
            if not THERE.search(told):
                self.warnings.append(f"{resource['logical']}: the cloud could not create it: {error}")

    def put(self, index: int, seed: dict[str, Any]) -> dict[str, Any]:
        """Put one seed entry there and say what it is called now."""
        name, version = PUTTERS[seed["kind"]](self, seed)
        return {"index": index, "store": seed["arn"], "name": name, "version": version}


def _bucket(fill: Filler, name: str, properties: Properties) -> None:
    s3 = fill.client("s3")
    where = (
        {}
        if fill._region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": fill._region}}
    )
    s3.create_bucket(Bucket=name, **where)
    status = (properties.get("VersioningConfiguration") or {}).get("Status")
    if status:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})


QUEUE_ATTRIBUTES = """
    DelaySeconds MaximumMessageSize MessageRetentionPeriod ReceiveMessageWaitTimeSeconds FifoQueue
    VisibilityTimeout ContentBasedDeduplication DeduplicationScope FifoThroughputLimit
    """.split()


def _queue(fill: Filler, name: str, properties: Properties) -> None:
    attributes = {
        k: _text(properties[k]) for k in QUEUE_ATTRIBUTES if properties.get(k) not in (None, "", False)
    }
    if name.endswith(".fifo"):
        attributes["FifoQueue"] = "true"
    redrive = properties.get("RedrivePolicy")
    if isinstance(redrive, dict):
        attributes["RedrivePolicy"] = json.dumps(redrive)
    fill.client("sqs").create_queue(QueueName=name, Attributes=attributes)


TABLE_MEMBERS = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes")


def _table(fill: Filler, name: str, properties: Properties) -> None:
    request: Properties = {k: _bare(properties[k]) for k in TABLE_MEMBERS if properties.get(k)}
    request["BillingMode"] = "PAY_PER_REQUEST"
    for index in request.get("GlobalSecondaryIndexes", []):
        index.pop("ProvisionedThroughput", None)
    stream = (properties.get("StreamSpecification") or {}).get("StreamViewType")
    if stream:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream}
    dynamodb = fill.client("dynamodb")
    dynamodb.create_table(TableName=name, **request)
    live = properties.get("TimeToLiveSpecification") or {}
    if live.get("AttributeName"):
        dynamodb.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={
                "Enabled": _text(live.get("Enabled", True)) == "true",
                "AttributeName": live["AttributeName"],
            },
        )


def _topic(fill: Filler, name: str, _: Properties) -> None:
    fifo = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
    fill.client("sns").create_topic(Name=name, Attributes=fifo)


def _stream(fill: Filler, name: str, properties: Properties) -> None:
    fill.client("kinesis").create_stream(StreamName=name, ShardCount=int(properties.get("ShardCount") or 1))


def _bus(fill: Filler, name: str, _: Properties) -> None:
    fill.client("events").create_event_bus(Name=name)


def _log_group(fill: Filler, name: str, _: Properties) -> None:
    fill.client("logs").create_log_group(logGroupName=name)


def _secret(fill: Filler, name: str, properties: Properties) -> None:
    generate = properties.get("GenerateSecretString")
    value = properties.get("SecretString") or (
        _generated(generate) if isinstance(generate, dict) else "placeholder"
    )
    fill.client("secretsmanager").create_secret(Name=name, SecretString=_text(value))


def _generated(rule: Properties) -> str:
    """Return a value of the shape that `GenerateSecretString` asks for; it guards nothing, so it need not
    be random."""
    key, template = rule.get("GenerateStringKey"), rule.get("SecretStringTemplate")
    if not key:
        return "generated-locally"
    return json.dumps({**json.loads(template or "{}"), key: "generated-locally"})


def _parameter(fill: Filler, name: str, properties: Properties) -> None:
    fill.client("ssm").put_parameter(
        Name=name,
        Value=_text(properties.get("Value") or "placeholder"),
        Type=properties.get("Type") or "String",
        Overwrite=True,
    )


def _key(fill: Filler, name: str, properties: Properties) -> None:
    fill.client("kms").create_key(Description=_text(properties.get("Description") or name))


def _machine(fill: Filler, name: str, properties: Properties) -> None:
    written = properties.get("DefinitionString") or properties.get("Definition")
    if not written:
        raise ValueError("its definition is not on this machine")
    text = written if isinstance(written, str) else json.dumps(written)
    for key, value in (properties.get("DefinitionSubstitutions") or {}).items():
        text = text.replace(f"${{{key}}}", json.dumps(_text(value))[1:-1])
    role = str(properties.get("RoleArn") or properties.get("Role") or "")
    if not role.startswith("arn:"):
        role = "arn:aws:iam::000000000000:role/execution"  # Why: SAM makes one; nobody asks it for anything
    kind = str(properties.get("StateMachineType") or properties.get("Type") or "STANDARD")
    states = fill.client("stepfunctions")
    made = states.create_state_machine(name=name, definition=text, roleArn=role, type=kind)["stateMachineArn"]
    # Why asked: moto answers as if it had made one that was kept, whose definition may be of another day.
    if states.describe_state_machine(stateMachineArn=made)["definition"] != text:
        states.update_state_machine(stateMachineArn=made, definition=text)


MAKERS: dict[str, Callable[[Filler, str, Properties], None]] = {
    "AWS::S3::Bucket": _bucket,
    "AWS::SQS::Queue": _queue,
    "AWS::DynamoDB::Table": _table,
    "AWS::SNS::Topic": _topic,
    "AWS::Kinesis::Stream": _stream,
    "AWS::Events::EventBus": _bus,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::SSM::Parameter": _parameter,
    "AWS::KMS::Key": _key,
    "AWS::StepFunctions::StateMachine": _machine,
}
"""What the embedded cloud creates; any other kind is left to the calls that need it."""


def _put_object(fill: Filler, seed: dict[str, Any]) -> tuple[str, str]:
    body = base64.b64decode(seed["base64"])
    made = fill.client("s3").put_object(Bucket=seed["name"], Key=seed["key"], Body=body)
    return seed["key"], str(made.get("VersionId") or made["ETag"]).strip('"')


def _put_item(fill: Filler, seed: dict[str, Any]) -> tuple[str, str]:
    fill.client("dynamodb").put_item(TableName=seed["name"], Item=_binary(seed["item"]))
    return seed["key"], ""


def _put_message(fill: Filler, seed: dict[str, Any]) -> tuple[str, str]:
    sqs = fill.client("sqs")
    url = sqs.get_queue_url(QueueName=seed["name"])["QueueUrl"]
    fifo = (
        {"MessageGroupId": "seed", "MessageDeduplicationId": str(seed["key"])}
        if seed["name"].endswith(".fifo")
        else {}
    )
    attributes = {
        k: {"DataType": "String", "StringValue": _text(v)} for k, v in (seed.get("attributes") or {}).items()
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody=seed["body"], MessageAttributes=attributes, **fifo)
    return sent["MessageId"], ""


def _put_secret(fill: Filler, seed: dict[str, Any]) -> tuple[str, str]:
    client = fill.client("secretsmanager")
    try:
        client.create_secret(Name=seed["name"], SecretString=seed["value"])
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=seed["name"], SecretString=seed["value"])
    return "", ""


def _put_parameter(fill: Filler, seed: dict[str, Any]) -> tuple[str, str]:
    fill.client("ssm").put_parameter(Name=seed["name"], Value=seed["value"], Type="String", Overwrite=True)
    return "", ""


PUTTERS: dict[str, Callable[[Filler, dict[str, Any]], tuple[str, str]]] = {
    "store": lambda _, __: ("", ""),
    "object": _put_object,
    "item": _put_item,
    "message": _put_message,
    "secret": _put_secret,
    "parameter": _put_parameter,
}


def _binary(value: Any) -> Any:
    """Turn DynamoDB JSON's base64 into the bytes that boto3 takes."""
    if isinstance(value, dict):
        if set(value) == {"B"} and isinstance(value["B"], str):
            return {"B": base64.b64decode(value["B"])}
        return {k: _binary(v) for k, v in value.items()}
    return [_binary(v) for v in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bare(value: Any) -> Any:
    """Return a property without what the template could not resolve."""
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if v is not None}
    return [_bare(v) for v in value] if isinstance(value, list) else value


def filled(fill: Filler, order: dict[str, Any]) -> dict[str, Any]:
    """Create what an order names; return the answer to it, without the port."""
    fill.warnings = []
    # Why: a queue names its dead-letter queue, so queues without a redrive policy come first.
    for resource in sorted(order["resources"], key=lambda r: "RedrivePolicy" in (r.get("properties") or {})):
        fill.create(resource)
    seeded = [fill.put(i, seed) for i, seed in enumerate(order["seeds"])]
    return {"seeded": seeded, "warnings": fill.warnings}

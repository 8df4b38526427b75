"""The program that hosts moto: serves it, fills it, and ends with its parent.

Knows moto and boto3. Does not know the valve; for each line of JSON that it takes it answers one, the second
and later ones after it has forgotten all that it held. A line ``{"ahead": seconds}`` moves its time alone.

In: ``{"region", "url"?, "resources": [{"logical", "kind", "name", "arn", "properties"}], "seeds": [{"kind",
"name", "key", …}], "watch"?}``.
Out: ``{"port", "seeded": [{"index", "store", "name", "version"}], "warnings": [str]}`` or ``{"error": str}``.
"""

from __future__ import annotations

import base64
import datetime
import io
import json
import re
import sys
import threading
from collections.abc import Callable
from typing import Any

Properties = dict[str, Any]

SMALL = 8 << 20
"""Bytes of a body up to which its connection is kept for the next request."""


def serve(watch: str = "") -> int:
    """Serve moto on a free loopback port, in threads of this process; return the port. `watch`: `note`."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def log(self, *_: Any) -> None:
            """Say nothing: our standard output belongs to the parent."""

        def run_wsgi(self) -> None:
            """Answer one request, and keep the connection for the next.

            Why not werkzeug's own: it ends every connection, and a new one for each call costs as much as the
            call. For that a body must be read whole first; where that is not possible the connection ends.
            """
            length = self.headers.get("content-length", "0")
            if "transfer-encoding" in self.headers or not length.isdigit() or int(length) > SMALL:
                self.close_connection = True
                super().run_wsgi()
                return
            if self.headers.get("expect", "").lower() == "100-continue":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.wfile.flush()
            environ = self.make_environ()
            environ["wsgi.input"] = io.BytesIO(asked := self.rfile.read(int(length)))
            note(watch, self, asked)
            said: list[Any] = ["500 Internal Server Error", []]

            def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
                said[:] = status, headers
                return said.append

            try:
                content = b"".join(self.server.app(environ, start))
            except Exception as error:  # Why all: a fault of moto's is that one call's, and is told
                said[:], content = ["500 Internal Server Error", []], repr(error).encode()
            code, _, phrase = said[0].partition(" ")
            self.send_response(int(code), phrase)
            for name, value in said[1]:
                self.send_header(name, value)
            bare = self.command == "HEAD" or code in {"204", "304"}
            if not bare and all(name.lower() != "content-length" for name, _ in said[1]):
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(b"" if bare else content)

    server = make_server(
        "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=Quiet
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port: int = server.server_port
    return port


def amend() -> None:
    """Let every address count as verified: there is no mailbox here in which to confirm one (SES, verified
    identities), and a send that fails for that alone would tell nothing about the function.

    And let an upload belong to its key, as on S3 (NoSuchUpload): moto finds it by its id alone, so an object
    would be written under another key than the request names.
    """
    from moto.s3.responses import S3Response
    from moto.ses.models import SESBackend

    SESBackend._is_verified_address = lambda *_: True  # type: ignore[method-assign]  # moto has no switch  # the one place moto asks
    for name in ("get", "put", "delete", "post"):
        method = f"_key_response_{name}"
        setattr(S3Response, method, _of_its_key(getattr(S3Response, method)))


def _of_its_key(answer: Callable[..., Any]) -> Callable[..., Any]:
    from moto.s3.exceptions import NoSuchUpload

    def checked(asked: Any, *given: Any, **named: Any) -> Any:
        ident, key = asked._get_param("uploadId"), named["key_name"] if "key_name" in named else given[-1]
        upload = asked.backend.get_bucket(asked.bucket_name).multiparts.get(ident) if ident else None
        if upload is not None and upload.key_name != key:
            raise NoSuchUpload(upload_id=ident)
        return answer(asked, *given, **named)

    return checked


AHEAD = [0.0]
"""Seconds that the cloud's time is ahead of the machine's."""


def follow() -> None:
    """Let moto's services go by a time that can be moved.

    All of them ask one function of its core; what does not is told in docs/TRIGGERS.md.
    """
    from moto.core import utils

    real = utils.utcnow

    def utcnow() -> datetime.datetime:
        return real() + datetime.timedelta(seconds=AHEAD[0])

    for module in [m for name, m in sys.modules.items() if name.startswith("moto.")]:
        if getattr(module, "utcnow", None) is real:
            module.utcnow = utcnow  # type: ignore[attr-defined]  # it was found there


def note(watch: str, request: Any, content: bytes) -> None:
    """Write down a request that arrived: ``{"method", "host", "path", "headers", "body"}``; "" is no file."""
    if not watch:
        return
    seen = {
        "method": request.command,
        "host": request.headers.get("host", ""),
        "path": request.path,
        "headers": dict(request.headers.items()),
        "body": content[:65536].decode("latin-1"),
    }
    with open(watch, "a", encoding="ascii") as file:
        file.write(json.dumps(seen) + "\n")


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


def main() -> None:
    """Serve until the parent's end of our standard input closes; each line after the first begins anew."""
    order, port, fill = json.loads(sys.stdin.readline()), 0, None
    while order:
        if "ahead" in order:
            AHEAD[0] = order["ahead"]
            order = answered(order)
            continue
        try:
            if fill:
                from moto.moto_api._internal import moto_api_backend

                AHEAD[0] = 0.0
                moto_api_backend.reset()
            elif not order.get("url"):
                follow()
                amend()
                port = serve(order.get("watch", ""))
            fill = fill or Filler(order.get("url") or f"http://127.0.0.1:{port}", order["region"])
            answer: dict[str, Any] = {"port": port, **filled(fill, order)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        order = answered(answer)


def answered(answer: dict[str, Any]) -> Any:
    """Answer an order and return the next; None: there is none any more."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    line = sys.stdin.readline()
    return json.loads(line) if line else None


if __name__ == "__main__":
    main()

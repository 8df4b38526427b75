"""`valve local start-api`, asked by a client: what goes in carries its labels, and what comes out is judged.

Knows one application with APIs, a URL, authorizers and a labelled table. Does not know formats' details.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from valve_aws.answering import entrance
from valve_aws.settings import Settings
from valve_aws.staying.standing import answering, opened
from valve_aws.triggers.gateway.routes import Kind
from valve_aws.valve import Valve

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"

TEMPLATE = f"""
Transform: AWS::Serverless-2016-10-31
Globals: {{Function: {{Runtime: {RUNTIME}, Timeout: 10}}}}
Resources:
  People: {{Type: AWS::Serverless::SimpleTable}}
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
      BinaryMediaTypes: ["image/*"]
      Auth: {{Authorizers: {{Judge: {{FunctionArn: !GetAtt Judge.Arn}}}}}}
  Asked:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
      Cors: "'*'"
      Auth: {{DefaultAuthorizer: Judge, Authorizers: {{Judge: {{FunctionArn: !GetAtt Judge.Arn}}}}}}
  Judge:
    Type: AWS::Serverless::Function
    Properties:
      Handler: judge.handler
      CodeUri: src
      Environment: {{Variables: {{TABLE: !Ref People}}}}
      Policies: [DynamoDBReadPolicy: {{TableName: !Ref People}}]
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Handler: echo.handler
      CodeUri: src
      FunctionUrlConfig: {{AuthType: NONE}}
      Events:
        Any: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: "/echo/{{proxy+}}", Method: any}}}}
        Kept: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: /kept, Method: get}}}}
        Let: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: /let, Method: get}}}}
        Who: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: /who, Method: get,
          Auth: {{Authorizer: Judge}}}}}}
        Asked: {{Type: Api, Properties: {{RestApiId: !Ref Asked, Path: /asked, Method: post}}}}
        Mine: {{Type: HttpApi, Properties: {{Path: /mine, Method: get}}}}
  Writer:
    Type: AWS::Serverless::Function
    Properties: {{Handler: writer.handler, CodeUri: src, FunctionUrlConfig: {{AuthType: NONE,
      InvokeMode: RESPONSE_STREAM}}}}
"""
POLICY = """
version: 1
labels: {pii: {}, user: {}}
stores:
  People: {holds: [pii]}
  "http://table.test/*": {accepts: []}
events:
  Echo.Kept: {label: [pii]}
  Echo.Let: {label: [pii]}
  Echo.Mine: {label: ["user/{requestContext.authorizer.jwt.claims.sub}"]}
results:
  Echo.Let: {accepts: [pii]}
"""
SEED = "People: [{id: alice, note: hers}]\n"
ECHO = """
import base64, json
def handler(event, context):
    query = event.get("queryStringParameters") or {}
    if "raise" in query: raise ValueError("no")
    if "raw" in query: return json.loads(query["raw"])
    body = event.get("body") or ""
    if "bytes" in query: return {"statusCode": 200, "isBase64Encoded": True, "body": body,
        "headers": {"content-type": "image/png"}}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""
JUDGE = """
import os, boto3
def handler(event, context):
    token = event["authorizationToken"]
    if token == "nobody": raise Exception("Unauthorized")
    note = "none"
    if "read" in token:
        table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
        note = table.get_item(Key={"id": "alice"})["Item"]["note"]
    effect = "Deny" if "deny" in token else "Allow"
    return {"principalId": "p", "context": {"note": note}, "policyDocument": {"Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Action": "execute-api:Invoke", "Resource": event["methodArn"]}]}}
"""
WRITER = """
import http.client, json, os, socket
host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
asking = http.client.HTTPConnection(host, int(port))
while True:
    asking.request("GET", "/2018-06-01/runtime/invocation/next")
    given = asking.getresponse()
    event = json.loads(given.read())
    out = socket.create_connection((host, int(port)))
    ident = given.headers["Lambda-Runtime-Aws-Request-Id"]
    out.sendall((f"POST /2018-06-01/runtime/invocation/{ident}/response "
        f"HTTP/1.1\\r\\nHost: {host}\\r\\nLambda-Runtime-Function-Response-Mode: streaming\\r\\n"
        "Content-Type: application/vnd.awslambda.http-integration-response\\r\\n"
        "Trailer: Lambda-Runtime-Function-Error-Type\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n").encode())
    def write(piece): out.sendall(b"%x\\r\\n%s\\r\\n" % (len(piece), piece))
    write(b'{"statusCode": 201, "headers": {"x-a": "1"}}' + bytes(4))
    write(bytes(4) + b"one,")
    write(b"two")
    bad = "broken" in event["rawPath"]
    out.sendall(b"0\\r\\n" + (b"Lambda-Runtime-Function-Error-Type: Bad\\r\\n" if bad else b"") + b"\\r\\n")
    out.recv(4096)
"""


class Town:
    """The application, served. `ask` it."""

    def __init__(self, folder: Path) -> None:
        (folder / "src").mkdir()
        (folder / "public").mkdir()
        (folder / "secret.txt").write_text("not yours")
        (folder / "public" / "hello.txt").write_text("hello")
        (folder / "public" / "out").symlink_to(folder / "secret.txt")
        files = {"template.yaml": TEMPLATE, "valve.yaml": POLICY, "seed.yaml": SEED}
        files |= {"src/echo.py": ECHO, "src/judge.py": JUDGE, "src/writer.py": WRITER}
        for name, content in files.items():
            (folder / name).write_text(content)
        self.folder, self.lines = folder, list[str]()
        self._ready, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)
        self._failed: BaseException | None = None
        self._thread.start()
        self._ready.wait(100)
        if self._failed:
            raise self._failed

    async def _live(self) -> None:
        try:
            self.valve = Valve.read(Settings(template=self.folder / "template.yaml"), self.lines.append)
            async with opened(self.valve):
                more = {"static": self.folder / "public"}
                self.entrance = self.valve.entrance(lambda: str(uuid.uuid4()), **more)
                async with answering(self.entrance.request, "127.0.0.1", 0) as self.url:
                    self._ready.set()
                    await asyncio.to_thread(self._stop.wait)
                await self.entrance.close()
        except BaseException as error:
            self._failed = error
            raise
        finally:
            self._ready.set()

    def ask(self, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Any:
        """Return (status, headers, body)."""
        there = urlsplit(self.url)
        asking = http.client.HTTPConnection("127.0.0.1", there.port or 0, timeout=30)
        asking.request(method, target, body or None, {n.replace("_", "-"): v for n, v in headers.items()})
        answer = asking.getresponse()
        try:
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            asking.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    found = Town(tmp_path_factory.mktemp("gateway"))
    yield found
    found.close()


def test_a_request_reaches_its_function_and_the_response_its_client(town: Town) -> None:
    status, headers, body = town.ask("/echo/a%2Fb/?q=1", "PUT", b"{}", X_Two="2", Content_Type="text/plain")
    event = json.loads(body)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert (event["resource"], event["path"], event["body"]) == ("/echo/{proxy+}", "/echo/a%2Fb/", "{}")
    assert event["headers"]["X-Two"] == "2"
    assert event["requestContext"]["requestId"] == headers["x-amzn-RequestId"]


def test_bytes_go_in_and_come_out(town: Town) -> None:
    sent = bytes(range(256))
    told = {"Content_Type": "image/png", "Accept": "image/png"}
    assert town.ask("/echo/x?bytes=1", "POST", sent, **told)[2] == sent


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [
        ("/echo/x?raise=1", 502, b'{"message":"Internal server error"}'),
        ("/echo/x?raw=7", 502, b'{"message":"Internal server error"}'),
        ("/nowhere", 403, b'{"message":"Missing Authentication Token"}'),
        ("/hello.txt", 200, b"hello"),
        ("/../secret.txt", 403, b'{"message":"Missing Authentication Token"}'),
        ("/%2e%2e/secret.txt", 403, b'{"message":"Missing Authentication Token"}'),
        ("/out", 403, b'{"message":"Missing Authentication Token"}'),
    ],
)
def test_what_is_no_response_and_what_has_no_route(town: Town, target: str, status: int, body: bytes) -> None:
    found = town.ask(target)
    assert (found[0], found[2]) == (status, body)


def test_an_event_that_lambda_does_not_take_is_too_long(town: Town) -> None:
    assert town.ask("/echo/x", "POST", b"a" * (7 << 20))[0] == 413
    assert town.ask("/echo/x", "POST", b"a" * (11 << 20))[0] == 413


def test_an_api_waits_so_long_and_no_longer(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(entrance.PATIENCE, Kind.REST, (0.0, 504, "Endpoint request timed out"))
    assert town.ask("/echo/x")[::2] == (504, b'{"message":"Endpoint request timed out"}')
    monkeypatch.setattr(town.entrance, "_hurries", False)  # as while somebody debugs
    assert town.ask("/echo/x")[0] == 200


def test_a_header_that_frames_a_body_comes_once(town: Town) -> None:
    for name, value in (("Content-Length", "2"), ("Host", "a.test"), ("Authorization", "x")):
        asking = http.client.HTTPConnection("127.0.0.1", urlsplit(town.url).port or 0, timeout=30)
        asking.putrequest("POST", "/echo/x", skip_host=True)
        for header in (("Host", "a.test"), ("Content-Length", "2"), ("Authorization", "y"), (name, value)):
            asking.putheader(*header)
        asking.endheaders(b"{}")
        assert asking.getresponse().status == 400
        asking.close()


def test_a_response_leaves_only_where_its_event_s_result_may(town: Town) -> None:
    """The same function with the same event label: one trigger's result takes it, the other's does not."""
    let, kept = town.ask("/let?m=marker"), town.ask("/kept?m=marker")
    assert let[0] == 200
    assert b"marker" in let[2]
    assert (kept[0], kept[2]) == (502, b'{"message":"Internal server error"}')
    assert not any("marker" in str(value) for value in kept[1].values())


def test_an_authorizer_lets_in_and_says_who(town: Town) -> None:
    status, _, body = town.ask("/who", Authorization="plain")
    assert status == 200
    assert json.loads(body)["requestContext"]["authorizer"] == {
        "note": "none",
        "principalId": "p",
        "integrationLatency": 0,
    }
    assert town.ask("/who")[0] == 401
    assert town.ask("/who", Authorization="nobody")[0] == 401
    denied = town.ask("/who", Authorization="deny")
    assert denied[0] == 403
    assert b"explicit deny" in denied[2]


def test_what_an_authorizer_has_read_goes_with_what_it_says(town: Town) -> None:
    """Its context is in the event, with its label: the response may not leave. Nor may its own refusal, and
    the client cannot tell the one from the other."""
    status, headers, body = town.ask("/who", Authorization="read")
    assert (status, body) == (502, b'{"message":"Internal server error"}')
    records = reversed(town.valve.records)
    admitted = next(r for r in records if (r.function, r.operation) == ("Echo", "Admit"))
    assert "pii" in admitted.label
    denied = town.ask("/who", Authorization="read-deny")
    for each in (headers, denied[1]):
        del each["x-amzn-RequestId"]
    assert denied == (status, headers, body)


@pytest.mark.parametrize(
    ("method", "target", "size"),
    [("OPTIONS", "/asked", 0), ("POST", "/asked", 7 << 20)],
    ids=["cors", "long"],
)
def test_that_an_authorizer_lets_in_leaves_only_where_its_result_may(
    town: Town, method: str, target: str, size: int
) -> None:
    """Where no function runs after it, its leave is all that a client sees: one bit of what it has read."""
    clean, body = town.ask(target, method, b"a" * size, Authorization="plain"), b"a" * size
    assert clean[0] == (413 if size else 200)
    let, denied = (town.ask(target, method, body, Authorization=each) for each in ("read", "read-deny"))
    for each in (let[1], denied[1]):
        del each["x-amzn-RequestId"]
    assert let == denied
    assert let[0] == 502


def test_a_label_is_filled_from_the_claims_of_the_request(town: Town) -> None:
    """An HTTP API without an authorizer fills nothing, so what wants a claim is refused (law 18)."""
    assert town.ask("/mine")[0] == 500


def test_a_url_answers_at_its_own_name(town: Town) -> None:
    status, headers, body = town.ask("/x", Host="echo.lambda-url.localhost")
    event = json.loads(body)
    assert (status, event["version"], event["rawPath"]) == (200, "2.0", "/x")
    assert event["requestContext"]["requestId"] == headers["x-amzn-RequestId"]


def test_a_url_hands_on_what_its_function_writes_piece_by_piece(town: Town) -> None:
    status, headers, body = town.ask("/", Host="writer.lambda-url.localhost")
    assert (status, headers["x-a"], body) == (201, "1", b"one,two")
    assert headers["transfer-encoding"] == "chunked"
    with pytest.raises(http.client.IncompleteRead):
        town.ask("/broken", Host="writer.lambda-url.localhost")

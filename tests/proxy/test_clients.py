"""Real clients through the proxy to a real HTTP server, as functions use them: directly, by TLS, by proxy
variables."""

from __future__ import annotations

import http.client
import http.server
import json
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import botocore.session
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from valve_aws.proxy import Exchange, Target, Upstream


class Cloud(http.server.BaseHTTPRequestHandler):
    """Keeps what is put; answers the JSON protocols with what was asked for."""

    protocol_version = "HTTP/1.1"
    objects: ClassVar[dict[str, bytes]] = {}
    heads: ClassVar[list[tuple[str, str, dict[str, str]]]] = []

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def content(self) -> bytes:
        """The body without the `aws-chunked` coding, which is the service's and not HTTP's."""
        coded = self.body()
        if "aws-chunked" not in self.headers.get("content-encoding", ""):
            return coded
        found = b""
        while size := int(coded.partition(b"\r\n")[0].partition(b";")[0], 16):
            coded = coded.partition(b"\r\n")[2]
            found, coded = found + coded[:size], coded[size + 2 :]
        return found

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.heads.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_PUT(self) -> None:
        self.objects[self.path] = self.content()
        self.answer(200, b"", ETag='"e"')

    def do_GET(self) -> None:
        found = self.objects.get(self.path)
        if found is None:
            self.answer(
                404,
                b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>",
                Content_Type="application/xml",
            )
        else:
            self.answer(200, found, ETag='"e"', Last_Modified="Mon, 01 Jan 2024 00:00:00 GMT")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        asked = json.loads(self.body() or b"{}")
        operation = self.headers.get("x-amz-target", "").partition(".")[2]
        made = {
            "GetItem": {"Item": {"id": {"S": "1"}}},
            "SendMessage": {"MessageId": "m", "MD5OfMessageBody": ""},
        }
        self.answer(
            200, json.dumps(made.get(operation, asked)).encode(), Content_Type="application/x-amz-json-1.0"
        )


@pytest.fixture(scope="module")
def cloud() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def served(serve: Any, cloud: int) -> Any:
    """A server that forwards everything to the cloud, written anew, streaming both ways."""
    upstream = Upstream()
    target = Target("127.0.0.1", cloud, False)

    def handler(served: Any) -> Any:
        async def forward(exchange: Exchange) -> None:
            served.heads.append(exchange.head)
            body = exchange.stream() if exchange.length != 0 else None
            reply = await upstream.send(
                target,
                exchange.head.method,
                exchange.head.target,
                exchange.head.headers,
                body,
                exchange.length,
            )
            await exchange.respond(reply.status, reply.headers, reply.stream(), reply.length)

        return forward

    found = serve(request=handler)
    yield found
    found.loop.run(upstream.close())


BODY = bytes(range(256)) * 3000


def test_http_client_sends_counted_and_chunked_bodies(served: Any) -> None:
    client = http.client.HTTPConnection("127.0.0.1", served.port)
    for body in (BODY, iter([BODY[:1000], BODY[1000:]])):
        client.request("PUT", "/b/http.client", body=body, encode_chunked=True)
        assert client.getresponse().read() == b""
        client.request("GET", "/b/http.client")
        assert client.getresponse().read() == BODY
    client.request("HEAD", "/b/http.client")
    answer = client.getresponse()
    assert (answer.read(), answer.headers["content-length"]) == (b"", str(len(BODY)))
    client.close()


def test_urllib_uses_the_proxy_variable_with_an_absolute_target(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cloud.objects["/b/urllib"] = b"found"
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{served.port}"})
    )
    with opener.open("http://api.example/b/urllib", timeout=10) as answer:
        assert answer.read() == b"found"
    assert (served.heads[-1].host, served.heads[-1].target) == ("api.example", "/b/urllib")


def test_urllib3_pools_directly_and_through_a_tunnel(served: Any, bundle: str) -> None:
    with (
        urllib3.PoolManager() as pool,
        urllib3.ProxyManager(f"http://127.0.0.1:{served.port}", ca_certs=bundle) as proxied,
    ):
        for client, base in ((pool, f"http://127.0.0.1:{served.port}"), (proxied, "https://api.example")):
            for _ in range(3):
                assert client.request("PUT", f"{base}/b/urllib3", body=BODY, retries=False).status == 200
                assert client.request("GET", f"{base}/b/urllib3", retries=False).data == BODY
    assert served.heads[-1].origin.connect == "api.example:443"
    assert served.heads[-1].origin.scheme == "https"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    "flags",
    [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["--http1.0"], ["--http2"]],
    ids=["plain", "chunked", "expect", "http1.0", "http2"],
)
def test_curl_uploads_and_downloads_through_captured_tls(
    served: Any, bundle: str, tmp_path: Path, flags: list[str]
) -> None:
    file = tmp_path / "body"
    file.write_bytes(BODY)
    base = [
        "curl",
        "-sS",
        "--fail",
        "--max-time",
        "20",
        "--cacert",
        bundle,
        "--noproxy",
        "*",
        "--connect-to",
        f"::127.0.0.1:{served.port}",
    ]
    url = "https://bucket.s3.us-east-1.amazonaws.com/curl"
    subprocess.run([*base, *flags, "-T", str(file), url], check=True, timeout=30)
    version = [f for f in flags if f.startswith("--http")]
    assert subprocess.run([*base, *version, url], check=True, capture_output=True, timeout=30).stdout == BODY


def clients(served: Any, bundle: str) -> Iterator[Any]:
    """A botocore session's clients: endpoint in clear, endpoint by TLS, genuine host by proxy variables."""
    for options in (
        {"endpoint_url": f"http://127.0.0.1:{served.port}"},
        {"endpoint_url": f"https://127.0.0.1:{served.port}", "verify": bundle},
        {"verify": bundle, "config": {"proxies": {"https": f"http://127.0.0.1:{served.port}"}}},
    ):
        given: dict[str, Any] = dict(options)
        settings = {"retries": {"total_max_attempts": 1}, **given.pop("config", {})}
        session = botocore.session.Session()
        session.set_credentials("AKIAEXAMPLE", "secret")

        def make(service: str, session: Any = session, settings: Any = settings, options: Any = given) -> Any:
            return session.create_client(
                service, region_name="us-east-1", config=Config(**settings), **options
            )

        yield make


def test_botocore_puts_gets_and_fails_as_usual(served: Any, bundle: str) -> None:
    for make in clients(served, bundle):
        s3 = make("s3")
        s3.put_object(Bucket="bucket", Key="a key/ü", Body=BODY, Metadata={"under_score": "1"})
        assert s3.get_object(Bucket="bucket", Key="a key/ü")["Body"].read() == BODY
        assert s3.head_object(Bucket="bucket", Key="a key/ü")["ContentLength"] == len(BODY)
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket="bucket", Key="missing")
        item = make("dynamodb").get_item(TableName="t", Key={"id": {"S": "1"}})
        assert item["Item"] == {"id": {"S": "1"}}
        assert (
            make("sqs").send_message(QueueUrl="https://sqs.us-east-1.amazonaws.com/1/q", MessageBody="x")[
                "MessageId"
            ]
            == "m"
        )
    assert Cloud.heads[-1][2]["x-amz-target"] == "AmazonSQS.SendMessage"
    assert served.heads[-1].origin.connect == "sqs.us-east-1.amazonaws.com:443"


def test_everything_a_client_signed_arrives_as_it_was(served: Any, bundle: str) -> None:
    make = next(clients(served, bundle))
    make("dynamodb").get_item(TableName="t", Key={"id": {"S": "1"}})
    head = served.heads[-1]
    _, path, arrived = Cloud.heads[-1]
    assert path == head.target
    assert {n: v for n, v in head.headers if n != "connection"} == {
        n: v for n, v in arrived.items() if n != "connection"
    }

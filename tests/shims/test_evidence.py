"""The shim around botocore, with the real botocore against a real server on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

SHIMS = Path(__file__).parents[2] / "shims" / "python"
START = """
import sys
sys.path[:0] = [sys.argv[1], {!r}]
import _valve_evidence
_valve_evidence.install(sys.argv[1])
import app
"""

spec = spec_from_file_location("_valve_evidence", SHIMS / "_valve_evidence.py")
assert spec
assert spec.loader
evidence = module_from_spec(spec)
spec.loader.exec_module(evidence)


@dataclass
class Server:
    """Answers every request in one way and keeps the heads."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self.rfile.read(int(self.headers.get("content-length") or 0))
            told.seen.append((self.command, self.path, {n.lower(): v for n, v in self.headers.items()}))
            self.send_response(told.status)
            body = told.body if self.command != "HEAD" else b""
            if told.status >= 400 and "x-amz-target" in self.headers:
                body = b'{"__type": "Any", "message": "any"}'
            for name, value in {**told.headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = listening.server_port
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    yield told
    listening.shutdown()
    thread.join()
    listening.server_close()


def play(folder: Path, source: str, server: Server, **environ: str) -> Any:
    """Run a module `app` under the shim, and return the JSON that it prints."""
    (folder / "app.py").write_text(source)
    clean = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "ASIAPLACEHOLDER00001",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "ENDPOINT": f"http://127.0.0.1:{server.port}",
        **environ,
    }
    run = subprocess.run(
        [sys.executable, "-c", START.format(str(SHIMS)), str(folder)],
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout or "null")


CLIENT = """
import boto3, json, os
from botocore.exceptions import ClientError
def client(name): return boto3.client(name, endpoint_url=os.environ["ENDPOINT"])
"""


def test_each_request_says_which_line_made_it_outside_of_the_signature(
    tmp_path: Path, server: Server
) -> None:
    server.body = b"{}"
    play(tmp_path, CLIENT + "def deep():\n    client('dynamodb').list_tables()\ndeep()\n", server)
    ((_, _, headers),) = server.seen
    assert headers["x-valve-source"] == f"{tmp_path}/app.py:6"
    assert "x-valve-source" not in headers["authorization"]
    assert "SignedHeaders=" in headers["authorization"]


def test_a_transfer_in_threads_says_the_line_that_waits_for_it(tmp_path: Path, server: Server) -> None:
    (tmp_path / "big").write_bytes(b"x" * 100)
    play(tmp_path, CLIENT + f"client('s3').upload_file({str(tmp_path / 'big')!r}, 'bucket', 'key')\n", server)
    assert {head["x-valve-source"] for _, _, head in server.seen} == {f"{tmp_path}/app.py:5"}


def test_a_resource_made_from_a_session_of_its_own_says_it_too(tmp_path: Path, server: Server) -> None:
    source = CLIENT + (
        "session = boto3.session.Session()\n"
        "session.resource('s3', endpoint_url=os.environ['ENDPOINT']).Object('b', 'k').put(Body=b'x')\n"
    )
    play(tmp_path, source, server)
    assert server.seen[0][2]["x-valve-source"] == f"{tmp_path}/app.py:6"


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_a_refusal_is_the_error_that_users_expect_and_is_not_tried_again(
    mode: str, tmp_path: Path, server: Server
) -> None:
    server.status, server.headers = 403, {"x-valve-refused": "r-7c1e"}
    server.body = b"<ErrorResponse><Error><Code>Any</Code><Message>any</Message></Error></ErrorResponse>"
    source = CLIENT + (
        "def tell(call):\n"
        "    try: call()\n"
        "    except ClientError as e: return [e.response['Error'], str(e)]\n"
        "s3, sqs, ddb, sns = (client(name) for name in ('s3', 'sqs', 'dynamodb', 'sns'))\n"
        "print(json.dumps([tell(call) for call in (\n"
        "    lambda: s3.head_object(Bucket='b', Key='k'),\n"
        "    lambda: s3.put_object(Bucket='b', Key='k', Body=b'x'),\n"
        "    lambda: ddb.list_tables(),\n"
        "    lambda: sqs.send_message(QueueUrl=os.environ['ENDPOINT'] + '/1/q', MessageBody='m'),\n"
        "    lambda: sns.publish(TopicArn='arn:aws:sns:us-east-1:1:t', Message='m'),\n"
        ")]))\n"
    )
    told = play(tmp_path, source, server, AWS_RETRY_MODE=mode, AWS_MAX_ATTEMPTS="4")
    assert [error for error, _ in told] == [{"Code": "AccessDenied", "Message": "Access Denied (r-7c1e)"}] * 5
    assert all(text.startswith("An error occurred (AccessDenied) when calling the ") for _, text in told)
    assert len(server.seen) == 5


def test_a_refusal_by_the_service_itself_is_left_as_it_is(tmp_path: Path, server: Server) -> None:
    server.status = 403
    server.body = b"<Error><Code>InvalidAccessKeyId</Code><Message>theirs</Message></Error>"
    source = CLIENT + (
        "try: client('s3').get_object(Bucket='b', Key='k')\n"
        "except ClientError as e: print(json.dumps(e.response['Error']))\n"
    )
    error = play(tmp_path, source, server)
    assert (error["Code"], error["Message"]) == ("InvalidAccessKeyId", "theirs")


def test_the_sdk_that_a_function_brings_along_is_watched_too(tmp_path: Path, server: Server) -> None:
    for name in ("boto3", "botocore"):
        found = find_spec(name)
        assert found
        assert found.origin
        (tmp_path / name).symlink_to(Path(found.origin).parent)
    server.body = b"{}"
    source = (
        CLIENT + "import botocore.client as c\nclient('sqs').list_queues()\nprint(json.dumps(c.__file__))\n"
    )
    assert play(tmp_path, source, server) == str(tmp_path / "botocore" / "client.py")
    assert server.seen[0][2]["x-valve-source"] == f"{tmp_path}/app.py:6"


def test_nothing_of_the_sdk_is_imported_before_the_function_does(tmp_path: Path, server: Server) -> None:
    heavy = ("botocore", "boto3", "threading", "urllib", "typing", "http", "ssl")
    loaded = play(
        tmp_path, f"import sys, json\nprint(json.dumps([m for m in {heavy} if m in sys.modules]))", server
    )
    assert loaded == []


def test_the_module_is_as_if_nobody_had_watched_it_load(tmp_path: Path, server: Server) -> None:
    source = """
import json, inspect, botocore.client as c
loaders = [type(each).__module__ for each in (c.__loader__, c.__spec__.loader)]
print(json.dumps([*loaders, len(inspect.getsource(c)) > 1000]))
"""
    own = "_frozen_importlib_external"
    assert play(tmp_path, source, server) == [own, own, True]


@given(st.text(), st.integers(0, 10**9))
def test_the_header_is_bounded_and_safe_and_ends_with_the_line(file: str, line: int) -> None:
    value = evidence.header_value(f"{file}:{line}")
    assert len(value) <= 256
    assert value.isascii()
    assert value.isprintable()
    assert " " not in value
    assert unquote(value).endswith(f":{line}")

"""The modules by which code in a template answers CloudFormation, in both languages against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.nodes import node

SHIMS = Path(__file__).parents[2] / "shims" / "inline"
PYTHON = """
import json, sys
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
import cfnresponse as answer
event, told = json.loads(sys.argv[2]), json.loads(sys.argv[3])
answer.send(event, SimpleNamespace(log_stream_name="stream"), answer.SUCCESS, *told)
print("over")
"""
NODE = """
const answer = require(process.argv[1] + "/cfn-response");
const [event, told] = process.argv.slice(2).map((text) => JSON.parse(text));
const context = { logStreamName: "stream", done: () => console.log("over") };
answer.send(event, context, answer.SUCCESS, ...told);
"""
COMMANDS = {
    "Python": [sys.executable, "-I", "-c", PYTHON],
    "Node": [str(node().executable), "-e", NODE],
}
ASKED = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "Custom"}


@pytest.fixture
def put() -> Iterator[tuple[str, list[tuple[str, str | None, Any]]]]:
    """Give a server's URL and what was put there: path, content type, document."""
    kept: list[tuple[str, str | None, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.append((self.path, self.headers["content-type"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", kept
    listening.shutdown()
    thread.join()
    listening.server_close()


def send(language: str, url: str, *told: Any) -> str:
    """Answer; return what was logged."""
    event = json.dumps({**ASKED, "ResponseURL": url})
    command = [*COMMANDS[language], str(SHIMS), event, json.dumps(told)]
    return subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout


@pytest.mark.parametrize("language", COMMANDS)
def test_the_answer_is_put_where_the_event_says_and_has_no_type(
    language: str, put: tuple[str, list[tuple[str, str | None, Any]]]
) -> None:
    url, kept = put
    said = send(language, f"{url}/a?signed=1", {"Key": "ä"})
    assert kept == [
        (
            "/a?signed=1",
            "",
            {
                **ASKED,
                "Status": "SUCCESS",
                "Reason": "See the details in CloudWatch Log Stream: stream",
                "PhysicalResourceId": "stream",
                "NoEcho": False,
                "Data": {"Key": "ä"},
            },
        )
    ]
    assert "Status code: 200" in said
    assert said.endswith("over\n")


@pytest.mark.parametrize("language", COMMANDS)
def test_a_caller_names_the_resource_and_masks_what_it_returns(
    language: str, put: tuple[str, list[tuple[str, str | None, Any]]]
) -> None:
    url, kept = put
    send(language, url, {}, "mine", True)
    ((_, _, document),) = kept
    assert (document["PhysicalResourceId"], document["NoEcho"]) == ("mine", True)


@pytest.mark.parametrize("language", COMMANDS)
def test_an_answer_that_arrives_nowhere_is_told_in_the_log(language: str) -> None:
    said = send(language, "http://127.0.0.1:9/", {})
    assert "send(..) failed executing the request: " in said
    assert said.endswith("over\n")

"""What is told of a LocalStack that is not there, not ready, or not the one that it was.

Played by a server that answers LocalStack's own resources; `tests/localstack` has the real one.
"""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from valve_aws.backend import Moto, NotStarted, endpoint, find, same, upstream


class Told(http.server.ThreadingHTTPServer):
    """Answers each resource from a list, its last answer again and again; what has none is 404."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: dict[str, list[Any]] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(http.server.BaseHTTPRequestHandler):
    server: Told

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answers = self.server.answers.get(self.path.removeprefix("/_localstack/"), [])
        if not answers or isinstance(answers[0], int):
            self.send_error(answers.pop(0) if answers else 404)
            return
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def told() -> Iterator[Told]:
    with Told() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.answers = {
            "info": [{"session_id": "one", "version": "4.14.0"}],
            "init/ready": [{"completed": True}],
            "health": [{"services": {"s3": "available", "sqs": "disabled"}}],
        }
        yield server
        server.shutdown()


def test_a_proxy_of_the_user_s_hears_nothing(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    with Told() as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        found = find(endpoint(told.url), [].append)
        moto = Moto.start(
            [{"logical": "B", "kind": "AWS::S3::Bucket", "name": "uploads", "arn": ""}], [], "us-east-1"
        )
        moto.stop()
        proxy.shutdown()
    assert (found.endpoint.session, moto.warnings, proxy.asked) == ("one", [], [])


def test_one_that_was_started_anew_is_another_cloud(told: Told) -> None:
    said: list[str] = []
    there = endpoint(told.url)
    first = find(there, said.append).endpoint
    assert same(first)
    told.answers["info"] = [{"session_id": "two"}]
    assert not same(first)
    second = find(there, said.append).endpoint
    assert first.generation != second.generation != there.generation
    assert (first.url, said) == (second.url, [])


def test_one_that_is_starting_is_waited_for_and_that_is_told_once(told: Told) -> None:
    told.answers["info"] = [None, 502, *told.answers["info"]]
    told.answers["init/ready"] = [{"completed": False}, {"completed": False}, {"completed": True}]
    said: list[str] = []
    found = find(endpoint("localstack", "", {"AWS_ENDPOINT_URL": told.url}), said.append)
    assert (found.endpoint.session, found.services["sqs"]) == ("one", "disabled")
    assert said == [
        f"valve: {told.url} takes connections and does not answer yet; waiting for it",
        f"valve: LocalStack at {told.url} is still starting; waiting for it",
    ]


def test_one_that_does_not_become_ready_is_named(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "STARTING", 0.0)
    told.answers["init/ready"] = [{"completed": False}]
    with pytest.raises(NotStarted, match=f"LocalStack at `{told.url}` is still starting after 0 s; its log"):
        find(endpoint(told.url), [].append)


@pytest.mark.parametrize("answer", [b"no JSON", [], {"session_id": 1}, {"session_id": ""}, {"status": "ok"}])
def test_what_says_no_session_is_taken_for_any_endpoint(told: Told, answer: Any) -> None:
    told.answers["info"] = [answer]
    there = endpoint(told.url)
    assert find(there, [].append).endpoint == there
    assert told.asked == ["/_localstack/info"]


def test_where_nobody_listens_that_is_said_and_how_to_say_another_place() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    called = endpoint("localstack", "", {"AWS_ENDPOINT_URL": url})
    with pytest.raises(NotStarted, match=rf"nothing listens at `{url}` \(connection refused\); start L"):
        find(called, [].append)
    late = find(endpoint(url), [].append).endpoint  # it may be there when a call needs it
    assert late.url == url
    # Who knows what that will be: no label of another run meets it.
    assert (
        len({late.generation, endpoint(url).generation, find(endpoint(url), [].append).endpoint.generation})
        == 3
    )


def test_what_speaks_no_http_is_any_endpoint_and_no_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:
        there = endpoint(f"http://127.0.0.1:{odd.getsockname()[1]}")

        def answer() -> None:
            taken, _ = odd.accept()
            with taken:
                taken.recv(65536)
                taken.sendall(b"-ERR unknown command\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        assert find(there, [].append).endpoint == there


def test_one_that_is_gone_is_not_the_same(told: Told) -> None:
    found = find(endpoint(told.url), [].append).endpoint
    told.server_close()
    told.shutdown()
    with pytest.raises(NotStarted, match="does not answer any more"):
        same(found)

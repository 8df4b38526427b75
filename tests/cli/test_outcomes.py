"""What a run comes to: the result alone on standard output, and the exit code that design section 4 has.

Knows outcomes as a user sees them. Does not know the function's insides beyond its few lines.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cli.workplace import Ran, Workplace

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, CodeUri: src, Timeout: 20, Policies: [AmazonS3FullAccess]}}
Resources:
  Put:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.put, Events: {Api: {Type: Api, Properties: {Path: /, Method: post}}}}
  Fail: {Type: AWS::Serverless::Function, Properties: {Handler: app.fail}}
  Leave: {Type: AWS::Serverless::Function, Properties: {Handler: app.leave}}
  Odd: {Type: AWS::Serverless::Function, Properties: {Handler: app.odd}}
  Broken: {Type: AWS::Serverless::Function, Properties: {Handler: broken.handler}}
  Files: {Type: AWS::S3::Bucket, Properties: {BucketName: files}}
  Closed: {Type: AWS::S3::Bucket, Properties: {BucketName: closed}}
"""

POLICY = """\
version: 1
labels: {pii: {}}
events: {Put.Api: {label: [pii]}}
stores: {Files: {accepts: [pii]}}
results: {accepts: [pii]}
logs: {accepts: [pii]}
"""

APP = """\
import os
import boto3
from botocore.config import Config

def put(event, context):
    s3 = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))
    told = []
    for bucket in event["to"]:
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=b"x")
            told.append("done")
        except Exception as error:
            told.append(type(error).__name__)
    if event.get("raise"):
        raise ValueError("as told")
    return told

def fail(event, context):
    print("before")
    raise KeyError("missing")

def leave(event, context):
    os._exit(7)

def odd(event, context):
    return "\\x1b]0;title\\x07 and \\u202e"
"""


@pytest.fixture
def shop(project: Workplace) -> Workplace:
    project.write("template.yaml", TEMPLATE)
    project.write("valve.yaml", POLICY)
    project.write("src/app.py", APP)
    project.write("src/broken.py", "import nowhere_to_be_found\n")
    return project


def put(shop: Workplace, *words: str, **event: Any) -> Ran:
    trigger = ("--event-source", "Put.Api")
    return shop.invoke("Put", "-e", "-", *trigger, *words, stdin=json.dumps(event).encode())


def settled(shop: Workplace) -> list[str]:
    """Return what became of every call, from records that are all whole."""
    lines = (shop.folder / ".valve" / "audit.jsonl").read_text().splitlines()
    records = [json.loads(line)["valve"] for line in lines]
    return [record["outcome"] for record in records if record["verdict"] == "settled"]


def assert_whole(shop: Workplace, url: str) -> None:
    """See that the label book is sound, and that a next run finds nothing left open in it."""
    with contextlib.closing(sqlite3.connect(shop.folder / ".valve" / "labels.db")) as book:
        assert book.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert "was under way" not in shop.invoke("Odd", "--backend", url).err


# The function itself


def test_the_result_and_nothing_else_is_on_standard_output(project: Workplace) -> None:
    ran = project.invoke("Hello", "-e", "-", stdin=b'{"a": [1, "\xc3\xa9"]}')
    assert ran.code == 0
    assert ran.out.endswith("}\n")
    assert ran.out.count("\n") == 1
    assert json.loads(ran.out)["event"] == {"a": [1, "é"]}
    assert "a log line" in ran.err


def test_a_handler_that_raises_gives_awss_payload_and_1(shop: Workplace) -> None:
    ran = shop.invoke("Fail")
    assert ran.code == 1
    told = json.loads(ran.out)
    assert (told["errorType"], told["errorMessage"]) == ("KeyError", "'missing'")
    assert told["stackTrace"]
    assert "before" in ran.err


def test_a_handler_that_cannot_be_imported_gives_awss_payload_and_1(shop: Workplace) -> None:
    ran = shop.invoke("Broken")
    assert ran.code == 1
    assert json.loads(ran.out)["errorType"] == "Runtime.ImportModuleError"
    assert "nowhere_to_be_found" in json.loads(ran.out)["errorMessage"]


def test_a_function_that_ends_its_own_process_gives_awss_payload_and_1(shop: Workplace) -> None:
    ran = shop.invoke("Leave")
    assert ran.code == 1
    assert json.loads(ran.out)["errorType"] == "Runtime.ExitError"


def test_a_result_cannot_act_on_the_terminal_and_stays_what_it_is(shop: Workplace) -> None:
    ran = shop.invoke("Odd")
    assert ran.code == 0
    assert ran.out.rstrip("\n").isprintable()
    assert json.loads(ran.out) == "\x1b]0;title\x07 and \u202e"


# Refusals, and what comes before what


def test_a_refusal_gives_3_and_the_result_still(shop: Workplace) -> None:
    ran = put(shop, to=["closed"])
    assert (ran.code, json.loads(ran.out)) == (3, ["AccessDenied"])
    assert "REFUSED" in ran.err


def test_a_refusal_comes_before_a_failure(shop: Workplace) -> None:
    ran = put(shop, **{"to": ["closed"], "raise": True})
    assert (ran.code, json.loads(ran.out)["errorType"]) == (3, "ValueError")


def test_what_would_be_refused_is_no_refusal(shop: Workplace) -> None:
    with cloud(answers=1) as backend:
        ran = put(shop, "--mode", "audit", "--backend", backend.url, to=["closed"])
    assert (ran.code, json.loads(ran.out)) == (0, ["done"])


# The backend


class Cloud:
    """A backend that answers so many requests with an empty 200, and then is gone or drops the next.

    That it is looked at, whether it is a LocalStack, counts for none.
    """

    def __init__(self, answers: int, drops: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.got = 0
        self._answers, self._drops = answers, drops
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self.got < self._answers + self._drops:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                first, length = stream.readline(), 0
                while (line := stream.readline()) and not line.isspace():
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                stream.read(length)
                if b" /_localstack/" in first:
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                    continue
                self.got += 1
                if self.got <= self._answers:
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        self._listener.close()

    def close(self) -> None:
        """Let go of the port."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@contextlib.contextmanager
def cloud(answers: int = 0, drops: int = 0) -> Iterator[Cloud]:
    served = Cloud(answers, drops)
    try:
        yield served
    finally:
        served.close()


def nobody() -> str:
    """Return the URL of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_a_backend_that_is_not_there_gives_4_after_bounded_tries(shop: Workplace) -> None:
    url = nobody()
    ran = put(shop, "--backend", url, to=["files"])
    assert (ran.code, json.loads(ran.out)) == (4, ["ClientError"])
    assert f"the backend `{url}` did not answer; " in ran.err
    assert settled(shop) == ["failed"]
    assert_whole(shop, url)


def test_a_localstack_that_is_not_there_gives_4_before_anything_is_run(
    shop: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = nobody()
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    ran = put(shop, "--backend", "localstack", to=["files"])
    assert (ran.code, ran.out) == (4, "")
    assert f"nothing listens at `{url}` (connection refused)" in ran.err
    assert "START RequestId" not in ran.err


def test_a_backend_that_is_gone_comes_before_a_refusal_and_a_failure(shop: Workplace) -> None:
    ran = put(shop, "--backend", nobody(), **{"to": ["closed", "files"], "raise": True})
    assert (ran.code, json.loads(ran.out)["errorType"]) == (4, "ValueError")
    assert "REFUSED" in ran.err


def test_a_backend_that_goes_in_mid_run_gives_4_and_what_was_done_stays_known(shop: Workplace) -> None:
    with cloud(answers=1) as backend:
        ran = put(shop, "--backend", backend.url, to=["files", "files"])
    assert (ran.code, json.loads(ran.out)) == (4, ["done", "ClientError"])
    assert settled(shop) == ["done", "failed"]
    assert_whole(shop, backend.url)


def test_a_backend_that_takes_a_call_and_never_answers_gives_4_and_it_is_not_sent_again(
    shop: Workplace,
) -> None:
    with cloud(answers=1, drops=1) as backend:
        ran = put(shop, "--backend", backend.url, to=["files", "files"])
        assert backend.got == 2
    assert ran.code == 4
    assert json.loads(ran.out)[0] == "done"
    assert settled(shop) == ["done", "unknown"]
    assert_whole(shop, backend.url)


# Where values come from


def told(ran: Ran) -> dict[str, Any]:
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


@pytest.mark.parametrize(
    "words",
    [
        ["--parameter-overrides", "Stage=live Colour=red"],
        ["--parameter-overrides", "Stage=live", "--parameter-overrides", "Colour=red"],
        ["--parameter-overrides", "Stage=\"live\" Colour='red'"],
        [
            "--parameter-overrides",
            "ParameterKey=Stage,ParameterValue=live ParameterKey=Colour,ParameterValue=red",
        ],
    ],
)
def test_parameters_are_taken_as_sam_takes_them(words: list[str], project: Workplace) -> None:
    answer = told(project.invoke(*words))
    assert (answer["STAGE"], answer["COLOUR"]) == ("live", "red")


def test_without_an_event_it_is_empty(project: Workplace) -> None:
    assert told(project.invoke())["event"] == {}
    assert told(project.invoke("--no-event"))["event"] == {}


def test_variables_come_for_all_and_then_for_one_and_go_over_the_templates(project: Workplace) -> None:
    project.write("n.json", '{"Parameters": {"NAME": "all", "ON": true}, "Hello": {"NAME": "one"}}')
    answer = told(project.invoke("-n", "n.json"))
    assert (answer["NAME"], answer["ON"], answer["STAGE"]) == ("one", "true", "dev")


def test_variables_of_nobody_are_told(project: Workplace) -> None:
    project.write("n.json", '{"Helo": {"NAME": "x"}}')
    ran = project.invoke("-n", "n.json")
    assert told(ran)["NAME"] == "nobody"
    assert "the template has no function `Helo`" in ran.err.splitlines()[0]


SAMCONFIG = """
version = 0.1
[default.global.parameters]
parameter_overrides = "Stage=all Colour=red"
[default.local_invoke.parameters]
parameter_overrides = ["Stage=live"]
env_vars = "n.json"
[prod.local_invoke.parameters]
template_file = "other/t.yaml"
"""


def test_samconfig_gives_what_the_command_line_does_not(project: Workplace) -> None:
    project.write("samconfig.toml", SAMCONFIG)
    project.write("n.json", '{"Hello": {"NAME": "from the file"}}')
    answer = told(project.invoke())
    assert (answer["STAGE"], answer["COLOUR"], answer["NAME"]) == ("live", "blue", "from the file")
    assert told(project.invoke("--parameter-overrides", "Stage=mine"))["STAGE"] == "mine"


def test_samconfigs_other_environments_are_chosen_by_name(project: Workplace) -> None:
    project.write("samconfig.toml", SAMCONFIG)
    ran = project.invoke("--config-env", "prod")
    assert (ran.code, ran.out) == (2, "")
    assert "other/t.yaml: there is no such template" in ran.err


def test_what_speaks_of_containers_is_taken_and_said_to_mean_nothing(project: Workplace) -> None:
    ran = project.invoke("--docker-network", "x", "--skip-pull-image")
    assert told(ran)["event"] == {}
    assert "`--docker-network` speaks of containers" in ran.err.splitlines()[0]

"""Extensions beside a function: launched, told of events and of the end, and of what its platform says.

Knows a layer with one small program. Does not know the tables.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.attacks.walled import machine
from valve_aws.course.subject import Subject
from valve_aws.running.streaming import Finished
from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python%s
      Timeout: %d
      Layers: [!Ref Layer]
      Environment: {Variables: {TASK: "%s"}}
      Events: {Api: {Type: Api, Properties: {Path: /, Method: post}}}
"""
POLICY = """
version: 1
labels: {secret: {}}
stores: {"http://open.test/*": {accepts: []}}
events: {Fn.Api: {label: [secret]}}
"""
PROBE = """#!/usr/bin/env python3
import http.server, json, os, socketserver, sys, threading, urllib.request
API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
def ask(path, body=None, method="POST", **headers):
    named = {f"Lambda-Extension-{name}": value for name, value in headers.items()}
    request = urllib.request.Request(API + path, body and json.dumps(body).encode(), named, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.headers, json.loads(answer.read() or b"null")
task, got = os.environ["TASK"], []
if task == "crash":
    sys.exit(7)
headers, who = ask("/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]}, Name="probe")
me = {"Identifier": headers["Lambda-Extension-Identifier"]}
if task == "init":
    error = {"Identifier": me["Identifier"], "Function-Error-Type": "Probe.Broken"}
    ask("/2020-01-01/extension/init/error", {}, **error)
    sys.exit(1)
class Take(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        got.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            got.append(json.loads(line))
            if got[-1]["type"] == "platform.report":
                reported.set()
def listen(made):
    threading.Thread(target=made.serve_forever, daemon=True).start()
types = {"types": ["platform", "function", "extension"], "buffering": {"timeoutMs": 25}}
if task in {"telemetry", "send"}:
    listen(http.server.HTTPServer(("sandbox.localdomain", 4243), Take))
    to = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243/take"}
    ask("/2022-07-01/telemetry", {"schemaVersion": "2022-12-13", "destination": to, **types}, "PUT", **me)
if task == "logs":
    reported = threading.Event()
    listen(socketserver.TCPServer(("sandbox", 4243), Lines))
    ask("/2020-08-15/logs", {"destination": {"protocol": "TCP", "port": 4243}, **types}, "PUT", **me)
print("registered", sorted(who), sorted(name for name in os.environ if name[:1] == "_"), flush=True)
while True:
    _, event = ask("/2020-01-01/extension/event/next", method="GET", **me)
    print("event", event["eventType"], event.get("shutdownReason"), flush=True)
    if event["eventType"] == "SHUTDOWN":
        if task == "logs":
            reported.wait(5)
        if task == "send":
            urllib.request.urlopen("http://open.test/", json.dumps(got).encode())
        print("got", json.dumps(got), flush=True)
        break
"""
FUNCTION = """
import os, sys, time
print("in init")
def handler(event, context):
    print("secret", event.get("say"))
    if event.get("sleep"):
        time.sleep(60)
    return sorted(os.listdir("/opt/extensions"))
"""


@dataclass
class Ran:
    """What came of a few events, and who said what."""

    finished: list[Finished] = field(default_factory=list)
    lines: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Environment → (stream, line)."""

    def of(self, stream: str) -> list[str]:
        """The lines of one stream, of all environments."""
        return [line for lines in self.lines.values() for at, line in lines if at == stream]

    def got(self) -> list[dict[str, Any]]:
        """What the listener of the only environment has got."""
        (told,) = [line for line in self.of("extension") if line.startswith("got ")]
        events = json.loads(told.removeprefix("got "))
        assert isinstance(events, list)
        return events


def ran(
    folder: Path,
    task: str,
    *events: Mapping[str, Any],
    at_once: bool = False,
    bits: int = 0o755,
    timeout: int = 10,
    **settings: Any,
) -> Ran:
    """Run events with the probe beside the function, which has a task; with `settings` they come by its
    trigger, and the policy is there."""
    for path, text in (("layer/extensions/probe", PROBE), ("src/app.py", FUNCTION)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "layer/extensions/probe").chmod(bits)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    (folder / "template.yaml").write_text(TEMPLATE % (version, timeout, task))
    (folder / "valve.yaml").write_text(POLICY if settings else "{version: 1, mode: audit}")
    trigger = "Fn.Api" if settings else ""
    came = Ran()

    def heard(who: Subject, stream: str, line: str, _: bool) -> None:
        came.lines.setdefault(who.environment, []).append((stream, line))

    async def life() -> None:
        told = Settings(template=folder / "template.yaml", **settings)
        valve = Valve.read(told, lambda _: None, heard=heard)
        await valve.open()
        try:
            asked = [valve.invoke("Fn", json.dumps(event).encode(), trigger) for event in events or ({},)]
            if at_once:
                came.finished += await asyncio.gather(*asked)
            else:
                came.finished += [await each for each in asked]
        finally:
            await valve.close()

    asyncio.run(life())
    return came


def error(finished: Finished) -> tuple[str, str]:
    told = json.loads(finished.payload)
    return told["errorType"], told["errorMessage"].partition("Error: ")[2]


def test_an_extension_of_a_layer_hears_of_every_event_and_of_the_end(tmp_path: Path) -> None:
    came = ran(tmp_path, "", {}, {})
    assert [json.loads(each.payload) for each in came.finished] == [["probe"], ["probe"]]
    names = "['functionName', 'functionVersion', 'handler']"
    events = ["INVOKE None", "INVOKE None", "SHUTDOWN spindown"]
    assert came.of("extension")[:-1] == [f"registered {names} []", *(f"event {each}" for each in events)]
    assert "in init" in came.of("stdout")
    assert "EXTENSION\tName: probe\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in came.of("platform")
    ((stream, first), *_) = next(iter(came.lines.values()))[1:]
    assert (stream, first.split()[0]) == ("extension", "registered")  # and only then the runtime began


def test_a_listener_gets_what_platform_function_and_extension_say(tmp_path: Path) -> None:
    got = ran(tmp_path, "telemetry", {"say": 1}, {"say": 2}).got()
    kinds = [event["type"] for event in got]
    platform = [
        "platform.initStart",
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.extension",
        "platform.initReport",
        *("platform.start", "platform.runtimeDone", "platform.report") * 2,
    ]
    assert [kind for kind in kinds if kind.startswith("platform.")] == platform
    said = [event["record"] for event in got if event["type"] == "function"]
    assert said == ["in init", "secret 1", "secret 2"]
    assert [event["record"] for event in got if event["type"] == "extension"][1:] == ["event INVOKE None"] * 2
    done = next(event["record"] for event in got if event["type"] == "platform.runtimeDone")
    assert (done["status"], done["metrics"]["producedBytes"]) == ("success", len('["probe"]'))
    assert [span["name"] for span in done["spans"]] == ["responseLatency", "responseDuration"]
    reports = [event["record"]["metrics"] for event in got if event["type"] == "platform.report"]
    assert ["initDurationMs" in metrics for metrics in reports] == [True, False]


def test_the_older_api_tells_over_tcp_in_its_own_words(tmp_path: Path) -> None:
    got = ran(tmp_path, "logs", {"say": 1}).got()
    platform = [event for event in got if event["type"].startswith("platform.")]
    assert [event["type"].partition(".")[2] for event in platform] == [
        "logsSubscription",
        "extension",
        "start",
        "end",
        "report",
    ]
    assert sorted(platform[-1]["record"]) == ["metrics", "requestId"]
    assert [event["record"] for event in got if event["type"] == "function"] == ["in init", "secret 1"]


def test_what_one_environment_says_reaches_no_listener_of_another(tmp_path: Path) -> None:
    came = ran(tmp_path, "telemetry", {"say": "red"}, {"say": "blue"}, at_once=True)
    assert len(came.lines) == 2
    for lines in came.lines.values():
        (said,) = [line for stream, line in lines if stream == "stdout" and line.startswith("secret")]
        (got,) = [line for stream, line in lines if line.startswith("got ")]
        other = {"secret red": "secret blue", "secret blue": "secret red"}[said]
        assert said in got
        assert other not in got


def test_what_an_extension_sends_on_has_the_label_of_what_it_heard(tmp_path: Path) -> None:
    with machine() as (port, got):
        at = {("open.test", 80): ("127.0.0.1", port)}
        ran(tmp_path, "send", {"say": "alice@example.org"}, mode="audit", resolve=at)
        (leaked,) = got
        got.clear()
        ran(tmp_path, "send", {"say": "alice@example.org"}, mode="enforce", resolve=at)
    assert "secret alice@example.org" in leaked
    assert got == []


def test_an_extension_that_fails_takes_the_environment_along(tmp_path: Path) -> None:
    crashed = ran(tmp_path, "crash")
    assert error(crashed.finished[0]) == ("Extension.Crash", "exit status 7")
    assert any("Error Type: Extension.Crash" in line for line in crashed.of("platform"))
    assert error(ran(tmp_path, "init").finished[0]) == ("Extension.InitError", "exit status 1")
    launched = ran(tmp_path, "", bits=0o644)
    assert error(launched.finished[0]) == ("Extension.LaunchError", "Permission denied")


def test_a_time_out_ends_the_runtime_and_is_told_to_the_extension(tmp_path: Path) -> None:
    came = ran(tmp_path, "", {"sleep": 1}, {}, timeout=1)
    assert error(came.finished[0])[0] == "Sandbox.Timedout"
    assert json.loads(came.finished[1].payload) == ["probe"]
    assert "event SHUTDOWN timeout" in came.of("extension")

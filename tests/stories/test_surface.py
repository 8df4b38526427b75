"""How a log is written, where a trace goes, whose tenant an event is, and a call whose answer is a stream.

Knows two small functions, run by the real valve. Does not know how any of it is told.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from valve_aws.course.subject import Subject
from valve_aws.model.invocation import Beside
from valve_aws.model.source import Invalid
from valve_aws.running.streaming import Finished
from valve_aws.runtime import faults
from valve_aws.runtime.tracing import trace
from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {CodeUri: src, Runtime: python%s, Timeout: 10}}
Resources:
  Front:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.front
      Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Back}}]
      Environment: {Variables: {BACK: !Ref Back}}
      %s
  Back: {Type: AWS::Serverless::Function, Properties: {Handler: app.back, %s}}
"""
CODE = """
import json, logging, os
import boto3
def front(event, context):
    if "log" in event:
        print("plain")
        print(json.dumps({"level": event["log"], "message": "mine"}))
        logging.getLogger().warning("careful")
        return {name: os.environ.get(name) for name in
                ("AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_LOG_GROUP_NAME")}
    client = boto3.client("lambda")
    more = {"TenantId": event["tenant"]} if "tenant" in event else {}
    if "stream" in event:
        told = {"FunctionName": os.environ["BACK"], "Payload": json.dumps(event)}
        answer = client.invoke_with_response_stream(**told)
        return [{kind: part.get("Payload", b"").decode() or part for kind, part in each.items()}
                for each in answer["EventStream"]]
    try:
        return json.load(client.invoke(FunctionName=os.environ["BACK"], Payload=b"{}", **more)["Payload"])
    except client.exceptions.ClientError as error:
        return error.response["Error"]
def back(event, context):
    if event.get("stream") == "fail":
        raise ValueError("no")
    return [os.environ.get("_X_AMZN_TRACE_ID"), getattr(context, "tenant_id", None)]
"""
ROOT = "Root=1-6b0c9e9a-919b2ccd7557b17b7cec4912"


def ran(
    folder: Path, event: dict[str, Any], front: str = "", back: str = "", trace: str = ""
) -> tuple[Any, list[tuple[str, str]]]:
    """Have the first function serve an event; return its result and what was said, by stream."""
    (folder / "src").mkdir()
    (folder / "src" / "app.py").write_text(CODE)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    (folder / "template.yaml").write_text(TEMPLATE % (version, front, back))
    said: list[tuple[str, str]] = []

    def heard(who: Subject, stream: str, line: str, _: bool) -> None:
        if who.function == "Front":
            said.append((stream, line))

    async def life() -> Finished:
        valve = Valve.read(Settings(template=folder / "template.yaml"), lambda _: None, heard=heard)
        await valve.open()
        try:
            return await valve.invoke("Front", json.dumps(event).encode(), beside=Beside(trace=trace))
        finally:
            await valve.close()

    return json.loads(asyncio.run(life()).payload), said


def test_a_log_of_json_has_the_platforms_events_and_lines_by_their_levels(tmp_path: Path) -> None:
    logging = "LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: WARN, LogGroup: /mine}"
    told, said = ran(tmp_path, {"log": "ERROR"}, logging)
    assert told == {
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "WARN",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/mine",
    }
    events = [json.loads(line) for stream, line in said if stream == "platform"]
    assert [event["type"] for event in events] == ["platform.initStart", "platform.start", "platform.report"]
    assert sorted(events[-1]["record"]) == ["metrics", "requestId", "status"]
    own = [json.loads(line) for stream, line in said if stream != "platform"]
    assert [line["message"] for line in own] == ["mine", "careful"]
    assert own[1]["level"] == "WARNING"  # as the runtime's own client writes it


def test_levels_of_the_system_are_the_least_that_a_log_has(tmp_path: Path) -> None:
    logging = "LoggingConfig: {LogFormat: JSON, SystemLogLevel: DEBUG}"
    _, said = ran(tmp_path, {"log": "DEBUG"}, logging)
    types = [json.loads(line)["type"] for stream, line in said if stream == "platform"]
    assert types == [
        f"platform.{name}"
        for name in ("initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report")
    ]
    assert "plain" in [line for stream, line in said if stream == "stdout"]
    assert not [line for _, line in said if "mine" in line]


def test_a_log_format_that_there_is_not_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="must be one of `Text`, `JSON`"):
        ran(tmp_path, {}, "LoggingConfig: {LogFormat: XML}")


def test_a_trace_goes_in_through_and_on_and_stands_in_the_report(tmp_path: Path) -> None:
    given = f"{ROOT};Parent=0000000000000001;Sampled=1"
    (there, _), said = ran(tmp_path, {}, "Tracing: Active", trace=given)
    assert there.startswith(f"{ROOT};Parent=")
    assert there.endswith(";Sampled=1")
    (line,) = [line for _, line in said if line.startswith("XRAY ")]
    pattern = r"XRAY TraceId: 1-6b0c9e9a-919b2ccd7557b17b7cec4912\tSegmentId: ([0-9a-f]{16})\tSampled: true\t"
    segment = re.fullmatch(pattern, line)
    assert segment
    assert f"Parent={segment[1]};" in there  # the next function's parent is this one's own segment


@pytest.mark.parametrize(
    ("given", "active", "told"),
    [
        ("", False, "Root=new;Parent=seg;Sampled=0"),
        ("", True, "Root=new;Parent=seg;Sampled=1"),
        (f"{ROOT};Parent=000000000000000a;Sampled=1", False, f"{ROOT};Parent=000000000000000a;Sampled=1"),
        (f"{ROOT};Parent=000000000000000a;Sampled=0", True, f"{ROOT};Parent=seg;Sampled=0"),
        (f"{ROOT};Sampled=?;Self=1;Lineage=a1:0", False, f"{ROOT};Parent=seg;Sampled=0;Lineage=a1:0"),
        ("Root=1-x;Parent=000000000000000a", False, "Root=new;Parent=seg;Sampled=0"),
        ("a line\r\nRoot=x", True, "Root=new;Parent=seg;Sampled=1"),
    ],
)
def test_of_a_trace_only_its_own_fields_are_taken_over(given: str, active: bool, told: str) -> None:
    assert trace(given, active, "new", "seg") == told


def test_a_tenant_is_named_where_each_has_his_own_and_nowhere_else(tmp_path: Path) -> None:
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    isolates = "TenancyConfig: {TenantIsolationMode: PER_TENANT}"
    (_, tenant), _ = ran(tmp_path / "with", {"tenant": "blue"}, back=isolates)
    assert tenant == "blue"
    missing, _ = ran(tmp_path / "without", {}, back=isolates)
    assert (missing["Code"], "Add a valid tenant ID" in missing["Message"]) == (
        "InvalidParameterValueException",
        True,
    )
    assert "Remove the tenant ID" in str(faults.wrong_tenant(False, "blue"))
    assert faults.wrong_tenant(True, "blue") is faults.wrong_tenant(False, "") is None


def test_a_function_takes_anothers_answer_as_a_stream(tmp_path: Path) -> None:
    for name in ("well", "fails"):
        (tmp_path / name).mkdir()
    parts, _ = ran(tmp_path / "well", {"stream": "well"})
    assert [next(iter(part)) for part in parts] == ["PayloadChunk", "InvokeComplete"]
    assert json.loads(parts[0]["PayloadChunk"])[1] is None
    (end,), _ = ran(tmp_path / "fails", {"stream": "fail"})
    assert end["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorType"] == "ValueError"

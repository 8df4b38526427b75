"""Invoke, asked by boto3 over HTTP of real environments.

Knows what a client sees. Does not look into the API.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_an_answer_has_the_result_and_says_which_version_gave_it(client: Any) -> None:
    answer = client.invoke(FunctionName="echo", Payload=json.dumps({"a": [1, "ü"]}))
    assert json.load(answer["Payload"]) == {"a": [1, "ü"]}
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    assert "LogResult" not in answer


@pytest.mark.parametrize(
    "name",
    [
        "echo",
        "Echo",
        "function:echo",
        "123456789012:function:echo",
        "arn:aws:lambda:us-east-1:123456789012:function:echo:$LATEST",
    ],
)
def test_a_function_is_found_by_each_of_its_names(client: Any, name: str) -> None:
    told = json.load(client.invoke(FunctionName=name, Payload=b'{"context": 1}')["Payload"])
    assert told["name"] == "echo"
    assert told["arn"].startswith("arn:aws:lambda:us-east-1:123456789012:function:echo")


def test_an_error_of_the_function_is_told_with_its_log(client: Any) -> None:
    answer = client.invoke(FunctionName="echo", Payload=b'{"raise": "no"}', LogType="Tail")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.load(answer["Payload"])["errorType"] == "ValueError"
    lines = base64.b64decode(answer["LogResult"]).decode().split("\n")[:-1]
    assert [line for line in lines if line.startswith("[ERROR] ")] == ["[ERROR] ValueError: no"]
    assert [line.partition(" ")[0] for line in lines[-2:]] == ["END", "REPORT"]
    assert answer["ResponseMetadata"]["RequestId"] in lines[-2]


def test_of_a_long_log_the_last_four_kilobytes_are_told(client: Any) -> None:
    answer = client.invoke(FunctionName="echo", Payload=json.dumps({"print": "x" * 9000}), LogType="Tail")
    log = base64.b64decode(answer["LogResult"])
    assert len(log) == 4096
    assert b"REPORT RequestId" in log


def test_a_runtime_that_ends_is_told_to_its_caller_and_the_next_call_works(client: Any) -> None:
    ended = client.invoke(FunctionName="echo", Payload=b'{"exit": 3}')
    assert json.load(ended["Payload"])["errorType"] == "Runtime.ExitError"
    assert json.load(client.invoke(FunctionName="echo", Payload=b"{}")["Payload"]) == {}


def test_the_client_context_arrives(client: Any) -> None:
    context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
    answer = client.invoke(FunctionName="echo", Payload=b'{"context": 1}', ClientContext=context)
    assert json.load(answer["Payload"])["custom"] == {"k": "v"}


@pytest.mark.parametrize(("kind", "status"), [("Event", 202), ("DryRun", 204)])
def test_what_nobody_waits_for_has_no_result(client: Any, kind: str, status: int) -> None:
    answer = client.invoke(FunctionName="echo", InvocationType=kind, Payload=b"{}")
    assert (answer["StatusCode"], answer["Payload"].read()) == (status, b"")


@pytest.mark.parametrize(
    ("asked", "code", "status"),
    [
        ({"FunctionName": "nobody"}, "ResourceNotFoundException", 404),
        ({"FunctionName": "echo", "Qualifier": "7"}, "ResourceNotFoundException", 404),
        ({"FunctionName": "echo:1", "Qualifier": "2"}, "InvalidParameterValueException", 400),
        ({"FunctionName": "echo", "Payload": b"{"}, "InvalidRequestContentException", 400),
        ({"FunctionName": "echo", "ClientContext": "e30="[:3]}, "InvalidRequestContentException", 400),
        ({"FunctionName": "echo", "InvocationType": "Later"}, "ValidationException", 400),
        (
            {"FunctionName": "arn:aws:lambda:eu-west-1:123456789012:function:echo"},
            "ResourceNotFoundException",
            404,
        ),
        (
            {"FunctionName": "echo", "Payload": b'"' + b"x" * (6 << 20) + b'"'},
            "RequestEntityTooLargeException",
            413,
        ),
        (
            {"FunctionName": "echo", "InvocationType": "Event", "Payload": b'"' + b"x" * (1 << 20) + b'"'},
            "RequestEntityTooLargeException",
            413,
        ),
    ],
)
def test_what_cannot_be_begun_is_an_error_of_the_api(
    client: Any, asked: dict[str, Any], code: str, status: int
) -> None:
    with pytest.raises(ClientError) as refused:
        client.invoke(**asked)
    told = refused.value.response
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_what_is_not_covered_says_so(client: Any) -> None:
    with pytest.raises(ClientError, match="lambda:ListCapacityProviders is not covered") as refused:
        client.list_capacity_providers()
    assert refused.value.response["Error"]["Code"] == "NotImplementedException"


def test_a_trace_is_taken_over_or_begun_and_told(client: Any) -> None:
    def told(**more: str) -> str:
        def add(request: Any, **_: Any) -> None:
            for name, value in more.items():
                request.headers[name.replace("_", "-")] = value

        client.meta.events.register_first("before-send.lambda.Invoke", add)
        answer = client.invoke(FunctionName="echo")
        client.meta.events.unregister("before-send.lambda.Invoke", add)
        header: str = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"]
        return header

    given = "Root=1-6b0c9e9a-919b2ccd7557b17b7cec4912;Parent=0000000000000001;Sampled=1"
    assert told(X_Amzn_Trace_Id=given) == given
    assert re.fullmatch("Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", told())

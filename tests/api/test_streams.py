"""InvokeWithResponseStream, read by boto3 as the function writes.

Knows a function that brings a Runtime API client of its own. Does not know how pieces are judged;
tests/stories/test_streaming.py does.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import Town, built
from tests.stories.test_streaming import RUNTIME

TEMPLATE = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  Writer:
    Type: AWS::Serverless::Function
    Properties:
      {{FunctionName: writer, CodeUri: src, Handler: app.handler, Timeout: 20,
        Runtime: python{sys.version_info[0]}.{sys.version_info[1]}}}
"""


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """An API with a function that writes as its event says."""
    town = built(tmp_path_factory.mktemp("streams"), TEMPLATE, RUNTIME)
    yield town
    town.close()


def opened(town: Town, do: str, **more: Any) -> Iterator[dict[str, Any]]:
    """Invoke, and return the events of the answer as they come."""
    answer = town.client().invoke_with_response_stream(
        FunctionName="writer", Payload=json.dumps({"do": do}), **more
    )
    return iter(answer["EventStream"])


def test_pieces_arrive_while_the_function_goes_on(writer: Town) -> None:
    events = opened(writer, "answer.write(b'first'); answer.write(b'second'); answer.end()")
    told = list(events)
    assert b"".join(e["PayloadChunk"]["Payload"] for e in told[:-1]) == b"firstsecond"
    assert told[-1] == {"InvokeComplete": {}}


def test_the_first_piece_does_not_wait_for_the_last(writer: Town) -> None:
    events = opened(writer, "answer.write(b'first'); import time; time.sleep(60)")
    assert next(events)["PayloadChunk"]["Payload"] == b"first"


def test_an_error_in_the_middle_ends_the_stream_with_its_name(writer: Town) -> None:
    body = base64.b64encode(json.dumps({"errorMessage": "no"}).encode()).decode()
    do = f"answer.write(b'half'); answer.end(Type='Function.Broke', Body='{body}')"
    *pieces, end = opened(writer, do, LogType="Tail")
    assert [e["PayloadChunk"]["Payload"] for e in pieces] == [b"half"]
    assert end["InvokeComplete"]["ErrorCode"] == "Function.Broke"
    assert "END RequestId" in base64.b64decode(end["InvokeComplete"]["LogResult"]).decode()


def test_a_function_that_answers_whole_is_one_piece(town: Town) -> None:
    answer = town.client().invoke_with_response_stream(FunctionName="echo", Payload=b'{"a": 1}')
    piece, end = answer["EventStream"]
    assert json.loads(piece["PayloadChunk"]["Payload"]) == {"a": 1}
    assert end == {"InvokeComplete": {}}
    assert answer["ExecutedVersion"] == "$LATEST"


def test_a_function_that_fails_whole_says_so_in_the_end(town: Town) -> None:
    answer = town.client().invoke_with_response_stream(FunctionName="echo", Payload=b'{"raise": "no"}')
    (end,) = answer["EventStream"]
    assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorType"] == "ValueError"

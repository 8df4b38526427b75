"""The sample events of `valve local generate-event`, held against those of `sam local generate-event`.

Knows what of that catalogue has to be the same: names, options, defaults, shapes, and what an option reaches.
Does not compare values; they are our own.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import gzip
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential import emulator
from valve_aws.cli import valve as command
from valve_aws.settings import Settings
from valve_aws.triggers import catalogue
from valve_aws.valve import Valve

ALL = [(service, event) for service in catalogue.services() for event in catalogue.samples(service)]

# event -> (what of theirs ours has not, what of ours theirs has not, why); a line that is not needed fails
EXCEPTIONS: dict[tuple[str, str], tuple[set[str], set[str], str]] = {
    ("kinesis", "streams-as-source"): (
        {".deliverySteamArn: str"},
        {".deliveryStreamArn: str"},
        "misspelled there; Data Firehose writes `deliveryStreamArn` (Firehose guide, data transformation)",
    ),
    ("kinesis", "syslog"): (
        {".records[].approximateArrivalTimestamp: str"},
        set(),
        "of two records one has a date there; Data Firehose writes milliseconds in each (the same page)",
    ),
}
MISSPELLED = {".deliverySteamArn": ".deliveryStreamArn"}

ENCODED: Mapping[str | None, Callable[[str], str]] = {
    None: str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "url": quote,
    "md5": lambda text: hashlib.md5(text.encode()).hexdigest(),
}
PROBE = "Zq/7 é+x"
"""A value that each encoding changes and that stands in no event."""


@functools.cache
def theirs() -> dict[str, dict[str, Any]]:
    """Service → event → its options (`tags`), as the wheel of SAM's command line has them."""
    found: dict[str, dict[str, Any]] = json.loads((emulator.catalogue() / "event-mapping.json").read_text())
    return found


def their_event(service: str, event: str, given: Mapping[str, str]) -> Any:
    """The event that theirs prints for these options: templates filled in as texts (its `events.py`)."""
    row = theirs()[service][event]
    path = emulator.catalogue() / "events" / service / f"{row['filename']}.json"
    values: dict[str, str] = {}
    for name, about in row["tags"].items():
        value = given.get(name, about["default"])
        for key, told in {name: about, **about.get("children", {})}.items():
            encoding = told.get("encoding") or told.get("hashing")
            values[key.replace("-", "_")] = ENCODED[encoding](value)
    tree = json.loads(path.read_text())
    return _their_places(tree, values, {n for n, about in row["tags"].items() if about.get("type") == "dict"})


def _their_places(node: Any, values: Mapping[str, str], typed: set[str]) -> Any:
    if isinstance(node, dict):
        return {key: _their_places(each, values, typed) for key, each in node.items()}
    if isinstance(node, list):
        return [_their_places(each, values, typed) for each in node]
    if not isinstance(node, str):
        return node
    whole = re.fullmatch(r"\{\{\{(\w+)\}\}\}", node)
    if whole and whole[1] in typed:
        return json.loads(values[whole[1]])
    return re.sub(r"\{\{\{?(\w+)\}?\}\}", lambda place: values.get(place[1], ""), node)


def our_event(service: str, event: str, given: Mapping[str, str]) -> Any:
    found = catalogue.sample(service, event)
    return catalogue.filled(found.shape, {**found.options, **given})


def leaves(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path; places in a list are all one place."""
    yield at, node
    if isinstance(node, dict):
        for key, each in node.items():
            yield from leaves(each, f"{at}.{key}")
    elif isinstance(node, list):
        for each in node:
            yield from leaves(each, f"{at}[]")


def kind(value: Any) -> str:
    """The JSON type: a number is one with or without a fraction, a boolean is not."""
    return "number" if type(value) in {int, float} else type(value).__name__


def test_there_is_what_is_there() -> None:
    assert {service: sorted(events) for service, events in theirs().items()} == {
        service: catalogue.samples(service) for service in catalogue.services()
    }
    assert (len(catalogue.services()), len(ALL)) == (26, 68)


def test_options_and_their_defaults_are_the_same() -> None:
    for service, event in ALL:
        tags = theirs()[service][event]["tags"]
        ours = list(catalogue.sample(service, event).options.items())
        assert ours == [(name, told["default"]) for name, told in tags.items()], (service, event)


def test_fields_and_their_types_are_the_same() -> None:
    for which in ALL:
        ours, others = (
            {f"{path}: {kind(value)}" for path, value in leaves(make(*which, {}))}
            for make in (our_event, their_event)
        )
        gone, new, _ = EXCEPTIONS.get(which, (set(), set(), ""))
        assert (others - ours, ours - others) == (gone, new), which


def test_an_option_reaches_what_it_reaches_there_in_the_same_encoding() -> None:
    for which in ALL:
        for name, told in theirs()[which[0]][which[1]]["tags"].items():
            if told.get("type") != "dict":
                here, there = (
                    set(reached(make(*which, {name: PROBE}), PROBE)) for make in (our_event, their_event)
                )
                assert {(MISSPELLED.get(path, path), how) for path, how in there} <= here, (which, name)


def test_an_option_that_is_json_becomes_a_value() -> None:
    for make in (our_event, their_event):
        event = make("apigateway", "aws-proxy", {"querystringparameters": '{"a": [1]}'})
        assert event["queryStringParameters"] == {"a": [1]}
    odd = our_event("apigateway", "aws-proxy", {"querystringparameters": "a=1"})
    assert odd["queryStringParameters"] == "a=1"


def reached(event: Any, value: str) -> Iterator[tuple[str, str | None]]:
    """Where a value stands in an event, and in which encoding."""
    for path, found in leaves(event):
        for how, encode in ENCODED.items():
            if isinstance(found, str) and encode(value) in found.replace('\\"', '"'):
                yield path, how


def test_what_is_compressed_in_an_event_is_json_as_its_service_writes_it() -> None:
    packed = our_event("cloudwatch", "logs", {})["awslogs"]["data"]
    assert json.loads(gzip.decompress(base64.b64decode(packed)))["messageType"] == "DATA_MESSAGE"
    _, second = our_event("kinesis", "cloudwatch-logs-processor", {"account-id": '4"2'})["records"]
    assert json.loads(gzip.decompress(base64.b64decode(second["data"])))["owner"] == '4"2'


ODD = st.sampled_from(['"', "${body}", "NaN", "[" * 9999, "9" * 9999])
BYTES = st.binary().map(lambda value: value.decode("utf-8", "surrogateescape"))
WORDS = st.text(st.characters(codec="utf-8")) | BYTES | ODD


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ALL), st.lists(WORDS))
def test_whatever_an_option_holds_the_event_keeps_its_shape_and_is_json(
    which: tuple[str, str], values: list[str]
) -> None:
    options = catalogue.sample(*which).options
    given = dict(zip(options, values, strict=False))
    event = our_event(*which, given)
    text = json.dumps(event, allow_nan=False)
    text.encode("utf-8")
    assert json.loads(text) == event
    fixed = {path for path, _ in leaves(our_event(*which, {}))}
    assert {p for p in fixed if "queryString" not in p} <= {path for path, _ in leaves(event)}


def printed(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(command, ["local", "generate-event", *words])
    return done.exit_code, done.stdout, done.stderr


def test_an_event_is_printed_and_a_mistake_is_told_with_the_nearest_name() -> None:
    code, out, _ = printed("apigateway", "authorizer", "--restApiId", "abc", "--resource", 'a"b', "--debug")
    assert (code, json.loads(out)["methodArn"]) == (
        0,
        'arn:aws:execute-api:us-east-1:123456789012:abc/prod/POST/a"b',
    )
    for words, hint in (
        (("s4",), "no such command `s4`"),
        (("dynamo",), "did you mean `dynamodb`"),
        (("s3", "putt"), "did you mean `put`"),
        (("s3", "put", "--buckt", "x"), "did you mean `--bucket`"),
        (("sqs",), "receive-message"),
    ):
        code, out, err = printed(*words)
        assert (code, out) == (2, ""), words
        assert hint in err
    code, out, _ = printed("s3", "put", "--help")
    assert code == 0
    assert "--key TEXT" in out
    assert "[default: test/key]" in out


TEMPLATE = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  Uploads: {{Type: AWS::S3::Bucket}}
  Jobs: {{Type: AWS::SQS::Queue}}
  News: {{Type: AWS::SNS::Topic}}
  Meters: {{Type: AWS::Kinesis::Stream, Properties: {{ShardCount: 1}}}}
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      KeySchema: [{{AttributeName: Id, KeyType: HASH}}]
      AttributeDefinitions: [{{AttributeName: Id, AttributeType: N}}]
      StreamSpecification: {{StreamViewType: NEW_AND_OLD_IMAGES}}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.{sys.version_info[1]}
      Events:
        S3: {{Type: S3, Properties: {{Bucket: !Ref Uploads, Events: "s3:ObjectCreated:*"}}}}
        Sqs: {{Type: SQS, Properties: {{Queue: !GetAtt Jobs.Arn}}}}
        Sns: {{Type: SNS, Properties: {{Topic: !Ref News}}}}
        Kinesis: {{Type: Kinesis, Properties: {{Stream: !GetAtt Meters.Arn, StartingPosition: LATEST}}}}
        Dynamodb:
          Type: DynamoDB
          Properties: {{Stream: !GetAtt Orders.StreamArn, StartingPosition: LATEST}}
        Apigateway: {{Type: Api, Properties: {{Path: "/{{proxy+}}", Method: any}}}}
"""
POLICY = """
version: 1
labels: {from: {}}
events:
  Echo.S3: {label: ["from/{Records[0].awsRegion}"]}
  Echo.Sqs: {label: ["from/{Records[0].awsRegion}"]}
  Echo.Sns: {label: ["from/{Records[0].Sns.Type}"]}
  Echo.Kinesis: {label: ["from/{Records[0].awsRegion}"]}
  Echo.Dynamodb: {label: ["from/{Records[0].awsRegion}"]}
results: {accepts: [from]}
"""
WOKEN = [pair for pair in ALL if pair[0] in {"s3", "sqs", "sns", "kinesis", "dynamodb", "apigateway"}]


def test_events_of_each_trigger_are_let_in_as_that_trigger_s(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context):\n    return event\n")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "valve.yaml").write_text(POLICY)
    told: list[str] = []
    asyncio.run(_echoed(Valve.read(Settings(template=tmp_path / "template.yaml"), told.append)))
    assert not [line for line in told if "label" in line or "event" in line], told


async def _echoed(valve: Valve) -> None:
    await valve.open()
    try:
        for service, event in WOKEN:
            content = json.dumps(our_event(service, event, {})).encode()
            # Analytics, delivery streams and S3's batch jobs have no trigger in a template.
            wakes = b"Records" in content or service == "apigateway"
            done = await valve.invoke("Echo", content, f"Echo.{service.capitalize()}" if wakes else "")
            assert (done.failed, json.loads(done.payload)) == (False, json.loads(content)), event
    finally:
        await valve.close()

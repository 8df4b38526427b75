"""Events that nobody waits for: tries, age, dead letters and destinations, with their labels and their cause.

Knows them from a whole valve on the embedded cloud. Does not know which trigger leaves an event.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.triggers.ground import Ground
from valve_aws.backend import Standing
from valve_aws.model.cell import one
from valve_aws.model.verdict import Holding, Way

CODE = """
import json, os

def handler(event, context):
    print("SAW", json.dumps(event), flush=True)
    if event.get("read"):
        import boto3
        boto3.client("dynamodb").get_item(TableName=os.environ["PEOPLE"], Key={"id": {"S": "p"}})
    if event.get("fail"):
        raise ValueError("no " + event["fail"])
    if event.get("leak"):
        return {"key": os.environ["AWS_SECRET_ACCESS_KEY"]}
    return {"did": event.get("id")}
"""
FUNCTION = """
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.11
      Timeout: 20
"""
TEMPLATE = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  Works:{FUNCTION}
      EventInvokeConfig:
        DestinationConfig:
          OnSuccess: {{Type: SQS, Destination: !GetAtt Done.Arn}}
          OnFailure: {{Type: SQS, Destination: !GetAtt Undone.Arn}}
      DeadLetterQueue: {{Type: SQS, TargetArn: !GetAtt Dead.Arn}}
  Hasty:{FUNCTION}
      EventInvokeConfig:
        MaximumRetryAttempts: 2
        MaximumEventAgeInSeconds: 90
        DestinationConfig: {{OnFailure: {{Type: SQS, Destination: !GetAtt Undone.Arn}}}}
  Onward:{FUNCTION}
      EventInvokeConfig:
        DestinationConfig: {{OnSuccess: {{Type: Lambda, Destination: !GetAtt Last.Arn}}}}
  Last:{FUNCTION}
  Closed:{FUNCTION}
      ReservedConcurrentExecutions: 0
      EventInvokeConfig: &told
        DestinationConfig: {{OnFailure: {{Type: SQS, Destination: !GetAtt Undone.Arn}}}}
      Events: {{In: {{Type: SNS, Properties: {{Topic: !Ref News}}}}}}
  Barred:{FUNCTION}
      EventInvokeConfig: *told
      Events: {{In: {{Type: SNS, Properties: {{Topic: !Ref News}}}}}}
  Vague:{FUNCTION}
      EventInvokeConfig: *told
      Events: {{In: {{Type: SNS, Properties: {{Topic: !Ref News}}}}}}
  Lowers:{FUNCTION}
      Environment: {{Variables: {{PEOPLE: !Ref People}}}}
      Policies: [DynamoDBReadPolicy: {{TableName: !Ref People}}]
      EventInvokeConfig:
        DestinationConfig: {{OnSuccess: {{Type: SQS, Destination: !GetAtt Undone.Arn}}}}
  News: {{Type: AWS::SNS::Topic}}
  People:
    Type: AWS::Serverless::SimpleTable
    Properties: {{PrimaryKey: {{Name: id, Type: String}}}}
  Done: {{Type: AWS::SQS::Queue}}
  Undone: {{Type: AWS::SQS::Queue}}
  Dead: {{Type: AWS::SQS::Queue}}
"""
POLICY = """
version: 1
mode: enforce
labels: {pii: {}, card: {}}
stores: {Done: {accepts: [pii]}, Undone: {accepts: []}, Dead: {accepts: []}, People: {holds: [pii]}}
functions: {Barred: {clearance: []}, Lowers: {may-remove: {pii: {into: [Undone]}}}}
events: {Closed.In: {label: [pii]}, Barred.In: {label: [pii]}, Vague.In: {label: ["card/{who}"]}}
logs: {accepts: [pii, card]}
"""
FILES = {"template.yaml": TEMPLATE, "src/app.py": CODE, "valve.yaml": POLICY}


def test_an_event_that_fails_is_tried_after_one_and_after_two_minutes_with_one_request_id(
    ground: Ground,
) -> None:
    ident = ground.defer("Works", {"fail": "luck"})
    tries = []
    for seconds in (0, 59, 1, 119, 1, 600):
        ground.advance(seconds)
        tries.append(len(ground.events("Works")))
    assert tries == [1, 1, 2, 2, 3, 3]
    assert {event.invocation for event in ground.events("Works")} == {ident}
    told = json.loads(ground.taken("Undone")[0]["Body"])
    assert told["requestContext"] == {
        "requestId": ident,
        "functionArn": ground.valve.stack.functions["Works"].arn + ":$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert told["requestPayload"] == {"fail": "luck"}
    assert told["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert told["responsePayload"]["errorMessage"] == "no luck"
    (letter,) = ground.taken("Dead")
    assert json.loads(letter["Body"]) == {"fail": "luck"}
    assert letter["MessageAttributes"]["RequestID"]["StringValue"] == ident
    assert letter["MessageAttributes"]["ErrorCode"] == {"StringValue": "200", "DataType": "Number"}
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no luck"


def test_an_event_that_would_be_too_old_is_given_up_as_such(ground: Ground) -> None:
    ground.defer("Hasty", {"fail": "time"})
    ground.drain()
    assert len(ground.events("Hasty")) == 2
    told = json.loads(ground.taken("Undone")[0]["Body"])
    assert told["requestContext"]["condition"] == "EventAgeExceeded"
    assert told["requestContext"]["approximateInvokeCount"] == 2


def test_a_destination_gets_the_result_with_the_label_and_the_cause(ground: Ground) -> None:
    pii = Holding(frozenset({"pii"}), True, (Way("pii"),))
    ident = ground.defer("Works", {"id": 7}, pii)
    (admitted,) = ground.events("Works")
    assert admitted.label == {"pii"}
    (sent,) = (r for r in ground.valve.records if r.operation == "SendMessage")
    assert (sent.function, sent.invocation, sent.writes, sent.verdict) == ("Works", ident, {"pii"}, "allow")
    (message,) = ground.taken("Done")
    assert json.loads(message["Body"])["responsePayload"] == {"did": 7}
    assert not ground.taken("Dead")
    assert ground.label(one(ground.valve.stack.resources["Done"].arn, message["MessageId"])) == {"pii"}


@pytest.mark.parametrize(("mode", "leaks"), [("enforce", False), ("audit", True)])
def test_what_a_destination_may_not_have_is_not_told_there(
    tmp_path: Path, mode: str, leaks: bool
) -> None:
    cloud = Standing()
    with Ground(tmp_path, FILES, cloud, mode) as ground:
        card = Holding(frozenset({"card"}), True, (Way("card"),))
        ground.defer("Works", {"fail": "secret"}, card)
        ground.drain()
        assert len(ground.events("Works")) == 3
        assert bool(ground.taken("Undone")) is leaks
        assert bool(ground.taken("Dead")) is leaks
        assert bool(ground.valve.refusals) is not leaks
    cloud.end()


@pytest.mark.parametrize(
    "narrowed",
    [
        "stores: {Done: {from: [Onward]}}",
        "functions: {Works: {writes: []}}",
    ],
)
def test_a_destination_is_a_write_of_the_function_whose_outcome_goes_there(
    tmp_path: Path, narrowed: str
) -> None:
    cloud = Standing()
    policy = f"version: 1\nmode: enforce\nlabels: {{}}\n{narrowed}\n"
    with Ground(tmp_path, {**FILES, "valve.yaml": policy}, cloud) as ground:
        ground.defer("Works", {"id": 1})
        assert not ground.taken("Done")
        assert ground.valve.refusals[0].function == "Works"
    cloud.end()


def test_a_function_that_takes_events_of_others_alone_is_no_destination(tmp_path: Path) -> None:
    cloud = Standing()
    policy = "version: 1\nmode: enforce\nlabels: {}\nfunctions: {Last: {from: [Works]}}\n"
    with Ground(tmp_path, {**FILES, "valve.yaml": policy}, cloud) as ground:
        ground.defer("Onward", {"id": 1})
        assert not ground.events("Last")
    cloud.end()


def test_an_event_that_no_function_saw_carries_what_its_trigger_is_labelled_with(ground: Ground) -> None:
    topic = ground.valve.stack.resources["News"].arn
    ground.client("sns").publish(TopicArn=topic, Message="hers")
    ground.drain()
    assert not ground.taken("Undone")
    refused = [r for r in ground.valve.refusals if r.operation == "SendMessage"]
    assert {r.function: r.label for r in refused} == {"Closed": {"pii"}, "Barred": {"pii"}}


def test_an_event_goes_to_a_destination_as_it_came_whatever_its_function_may_remove(ground: Ground) -> None:
    pii = Holding(frozenset({"pii"}), True, (Way("pii"),))
    ground.defer("Lowers", {"id": "hers"}, pii)
    ground.drain()
    assert len(ground.events("Lowers")) == 1
    assert not ground.taken("Undone")
    ground.defer("Lowers", {"id": "nobody's", "read": True})
    ground.drain()
    (sent,) = (r for r in ground.valve.records if r.operation == "SendMessage" and r.verdict == "allow")
    assert (sent.label, sent.writes) == ({"pii"}, frozenset())


def test_a_credential_in_a_result_goes_to_no_destination(ground: Ground) -> None:
    ground.defer("Works", {"id": 1, "leak": True})
    ground.drain()
    assert not ground.taken("Done")
    assert ground.valve.refusals[-1].reasons[0].rule == "held-credential"


def test_another_function_as_destination_is_given_the_record_as_its_event(ground: Ground) -> None:
    pii = Holding(frozenset({"pii"}), True, (Way("pii"),))
    ground.defer("Onward", {"id": 1}, pii)
    ground.drain()
    (event,) = ground.events("Last")
    assert event.label == {"pii"}
    (invoke,) = (r for r in ground.valve.records if r.operation == "Invoke")
    assert (invoke.function, event.cause) == ("Onward", invoke.ident)
    seen = ground.printed("SAW ")[-1]
    assert seen["requestContext"]["condition"] == "Success"
    assert seen["responsePayload"] == {"did": 1}

"""Tasks of state machines say what services take, and are answered in the States Language's words."""

from __future__ import annotations

import datetime
import io
from typing import Any

import pytest

from valve_aws.backend import tasks


@pytest.mark.parametrize(
    ("told", "name", "error"),
    [
        ("sfn", "stepfunctions", "Sfn"),
        ("s3", "s3", "S3"),
        ("ec2", "ec2", "Ec2"),
        ("dynamodb", "dynamodb", "DynamoDb"),
        ("secretsmanager", "secretsmanager", "SecretsManager"),
        ("eventbridge", "events", "EventBridge"),
        ("cloudwatchlogs", "logs", "CloudWatchLogs"),
        ("cognitoidentityprovider", "cognito-idp", "CognitoIdentityProvider"),
        ("rdsdata", "rds-data", "RdsData"),
        ("nobody", "nobody", "nobody"),
    ],
)
def test_a_service_is_found_by_the_name_that_a_task_gives_it(told: str, name: str, error: str) -> None:
    assert (tasks.service(told), tasks.errors(told)) == (name, error)


@pytest.mark.parametrize(
    ("service", "operation", "told", "taken"),
    [
        (
            "stepfunctions",
            "startExecution",
            {"StateMachineArn": "m", "Input": {"a": 1}},
            {"stateMachineArn": "m", "input": '{"a":1}'},
        ),
        ("rds", "describeDBInstances", {"DbInstanceIdentifier": "d"}, {"DBInstanceIdentifier": "d"}),
        ("s3", "put_object", {"Bucket": "b", "Body": "text"}, {"Bucket": "b", "Body": b'"text"'}),
        (
            "ecs",
            "runTask",
            {"Overrides": {"ContainerOverrides": [{"Name": "c", "Other": 1}]}},
            {"overrides": {"containerOverrides": [{"name": "c", "Other": 1}]}},
        ),
        (
            "dynamodb",
            "putItem",
            {"TableName": "t", "Item": {"n": {"M": {"a": {"N": 3}}}}},
            {"TableName": "t", "Item": {"n": {"M": {"a": {"N": "3"}}}}},
        ),
    ],
)
def test_a_task_says_what_a_service_takes(service: str, operation: str, told: Any, taken: Any) -> None:
    assert tasks.asked(tasks.operation(service, operation).input_shape, told) == taken


@pytest.mark.parametrize(
    ("service", "operation", "told", "given"),
    [
        (
            "stepfunctions",
            "start_execution",
            {"executionArn": "e", "startDate": datetime.datetime(2026, 1, 2, 3, 4, 5, 6789, datetime.UTC)},
            {"ExecutionArn": "e", "StartDate": "2026-01-02T03:04:05.006Z"},
        ),
        (
            "s3",
            "getObject",
            {"Body": io.BytesIO(b"text"), "ETag": "e", "ChecksumCRC32": "c"},
            {"Body": "text", "ETag": "e", "ChecksumCRC32": "c"},
        ),
        (
            "rds",
            "describeDBInstances",
            {"DBInstances": [{"DBName": "n"}]},
            {"DbInstances": [{"DbName": "n"}]},
        ),
    ],
)
def test_a_task_is_answered_in_the_words_of_step_functions(
    service: str, operation: str, told: Any, given: Any
) -> None:
    assert tasks.answered(tasks.operation(service, operation).output_shape, told) == given


def test_an_operation_that_is_not_known_is_left_to_whoever_is_asked_for_it() -> None:
    assert tasks.operation("s3", "fly") is None
    assert tasks.operation("nobody", "fly") is None

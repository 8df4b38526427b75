"""Which operations of the installed botocore have a row, said exactly."""

from __future__ import annotations

import botocore.session
import pytest

from valve_aws.aws import effects
from valve_aws.aws.rows.row import Asked, Given, Row

WHOLE = ("s3", "sqs", "dynamodb", "dynamodbstreams", "sts")
"""Services of which every operation has a row."""

USED = {
    "sns": "Publish PublishBatch Subscribe CreateTopic ListTopics GetTopicAttributes SetTopicAttributes "
    "AddPermission",
    "lambda": "Invoke InvokeAsync InvokeWithResponseStream GetFunction ListFunctions UpdateFunctionCode "
    "AddPermission CreateFunctionUrlConfig CreateEventSourceMapping UpdateFunctionConfiguration",
    "secretsmanager": "GetSecretValue BatchGetSecretValue PutSecretValue CreateSecret DescribeSecret "
    "ListSecrets PutResourcePolicy",
    "ssm": "GetParameter GetParameters GetParametersByPath PutParameter DeleteParameter DescribeParameters",
    "events": "PutEvents PutRule PutTargets PutPermission",
    "kinesis": "PutRecord PutRecords GetRecords GetShardIterator DescribeStream ListShards",
    "firehose": "PutRecord PutRecordBatch UpdateDestination",
    "stepfunctions": "StartExecution StartSyncExecution DescribeExecution SendTaskSuccess SendTaskFailure",
    "logs": "PutLogEvents CreateLogStream CreateLogGroup GetLogEvents FilterLogEvents PutSubscriptionFilter",
    "cloudwatch": "PutMetricData GetMetricData GetMetricStatistics ListMetrics PutMetricAlarm DescribeAlarms",
    "kms": "Encrypt Decrypt GenerateDataKey Sign Verify ReEncrypt CreateGrant PutKeyPolicy",
    "ses": "SendEmail SendRawEmail SendTemplatedEmail SendBulkTemplatedEmail",
    "sesv2": "SendEmail SendBulkEmail",
}
"""Of the others, what applications use."""


def operations(service: str) -> set[str]:
    return set(botocore.session.get_session().get_service_model(service).operation_names)


@pytest.mark.parametrize("service", WHOLE)
def test_every_operation_of_these_services_has_a_row(service: str) -> None:
    assert operations(service) - {row.operation for row in effects.rows(service)} == set()


@pytest.mark.parametrize("service", USED)
def test_what_applications_use_of_the_others_has_a_row(service: str) -> None:
    assert set(USED[service].split()) - {row.operation for row in effects.rows(service)} == set()


@pytest.mark.parametrize("service", effects.MODULES)
def test_a_row_is_for_an_operation_that_there_is_and_for_one_only(service: str) -> None:
    named = [row.operation for row in effects.rows(service)]
    assert set(named) <= operations(service)
    assert len(named) == len(set(named))


@pytest.mark.parametrize("service", effects.MODULES)
def test_every_word_of_every_row_is_of_its_services_vocabulary_and_every_row_says_why(service: str) -> None:
    assert set(effects.compiled(service)) == {row.operation for row in effects.rows(service)}
    assert all(row.why for row in effects.rows(service))


@pytest.mark.parametrize("service", effects.MODULES)
def test_a_word_that_no_row_uses_is_not_kept(service: str) -> None:
    vocabulary = effects.table(service)
    used = {word for row in vocabulary.rows for word in _words(row)}
    spare = (vocabulary.extents.keys() | vocabulary.arns.keys() | vocabulary.openers.keys()) - used
    assert spare == set()


@pytest.mark.parametrize("service", effects.MODULES)
def test_a_word_that_asks_for_members_says_nothing_where_all_others_are_given(service: str) -> None:
    from tests.rows.cloud import PLACE

    model, vocabulary = botocore.session.get_session().get_service_model(service), effects.table(service)
    shapes = filter(None, (model.operation_model(name).input_shape for name in model.operation_names))
    everything = {name: "x" for shape in shapes for name in shape.members}
    words = [*vocabulary.extents.values(), *vocabulary.arns.values(), *vocabulary.openers.values()]
    leaves = [effects.leaf(word, vocabulary) for row in vocabulary.rows for word in row.leaves.split()]
    for word in (word for word in (*words, *leaves) if isinstance(word, Given)):
        assert word.members
        others = {name: value for name, value in everything.items() if name not in word.members}
        assert not word(Asked("Any", others, PLACE, lambda _: None))


def _words(row: Row) -> list[str]:
    pairs = [word.partition("@")[2] for word in row.actions.split()]
    return [
        *row.consults.split(),
        *row.reveals.split(),
        *row.changes.split(),
        *row.delivers.split(),
        *pairs,
        row.opens,
    ]


def test_what_has_no_row_has_no_effect() -> None:
    from tests.rows.cloud import PLACE

    assert effects.effect("bedrock-runtime", "InvokeModel", {}, PLACE, lambda _: None) is None
    assert effects.effect("s3", "MakeCoffee", {}, PLACE, lambda _: None) is None

"""Nested applications, and what the whole stack tells about its stores."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from valve_aws import template
from valve_aws.model.source import Invalid
from valve_aws.model.stack import KeySchema, Stack

Read = Callable[..., Stack]

HERE = "eu-west-1:123456789012"

NESTED = """
    Parameters: {Name: {Type: String}, More: {Type: CommaDelimitedList}}
    Metadata: {Valve: {mode: 'off'}}
    Resources:
      Worker:
        Type: AWS::Serverless::Function
        Properties:
          CodeUri: src
          Environment: {Variables: {N: !Ref Name, M: !Select [1, !Ref More], S: !Ref AWS::StackName}}
      Store: {Type: AWS::S3::Bucket}
    Outputs:
      Arn: {Value: !GetAtt Worker.Arn}
      Bucket: {Value: !Ref Store}
    """


def test_a_nested_application_is_part_of_the_stack(read: Read) -> None:
    stack = read(
        """
        Resources:
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
          App:
            Type: AWS::Serverless::Application
            Properties:
              Location: ./nested/template.yaml
              Parameters: {Name: !GetAtt Queue.QueueName, More: 'x,y'}
          Caller:
            Type: AWS::Serverless::Function
            Properties:
              InlineCode: x
              Environment:
                Variables:
                  FN: !GetAtt App.Outputs.Arn
                  B: !GetAtt [App, Outputs.Bucket]
                  U: !GetAtt App.Outputs.No
              Policies: [LambdaInvokePolicy: {FunctionName: !GetAtt App.Outputs.Arn}]
        """,
        files={"nested/template.yaml": NESTED, "nested/src/app.py": ""},
    )
    worker = stack.functions["App/Worker"]
    assert worker.environment == {"N": "jobs", "M": "y", "S": "app-App"}
    assert worker.code.folder is not None
    assert worker.code.folder.parent.name == "nested"
    assert worker.where.file == "template.yaml"
    caller = stack.functions["Caller"]
    assert caller.environment["FN"] == worker.arn
    assert caller.environment["B"] == stack.resources["App/Store"].name
    assert caller.environment["U"] == "{{unresolved:GetAtt:App.Outputs.No}}"
    assert stack.metadata is None


def test_nested_applications_that_are_elsewhere_or_missing_are_warned_of(read: Read) -> None:
    stack = read("""
        Resources:
          A: {Type: AWS::Serverless::Application, Properties: {Location: {ApplicationId: x}}}
          B: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://x.org/t.yaml'}}
          C: {Type: AWS::Serverless::Application, Properties: {Location: gone.yaml}}
          F:
            Type: AWS::Serverless::Function
            Properties: {InlineCode: x, Environment: {Variables: {A: !GetAtt A.Outputs.X}}}
        """)
    assert sum("what it holds is missing" in w for w in stack.warnings) == 3
    assert stack.functions["F"].environment["A"] == "{{unresolved:GetAtt:A.Outputs.X}}"


def test_an_application_that_nests_itself_is_refused(read: Read) -> None:
    with pytest.raises(Invalid, match="nested"):
        read("Resources: {A: {Type: AWS::Serverless::Application, Properties: {Location: template.yaml}}}")


def test_the_key_schema_of_every_table_is_told_by_its_arn(read: Read) -> None:
    stack = read("""
        Resources:
          Simple: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: s}}
          Keyed:
            Type: AWS::Serverless::SimpleTable
            Properties: {TableName: k, PrimaryKey: {Name: n, Type: Number}}
          Full:
            Type: AWS::DynamoDB::Table
            Properties:
              TableName: f
              AttributeDefinitions:
                - {AttributeName: sk, AttributeType: N}
                - {AttributeName: pk, AttributeType: S}
                - {AttributeName: email, AttributeType: S}
              KeySchema: [{AttributeName: sk, KeyType: RANGE}, {AttributeName: pk, KeyType: HASH}]
              GlobalSecondaryIndexes:
                - {IndexName: by-email, KeySchema: [{AttributeName: email, KeyType: HASH}]}
        """)
    tables = template.schema(stack)
    arn = f"arn:aws:dynamodb:{HERE}:table/"
    assert tables(arn + "s") == KeySchema(("id", "S"))
    assert tables(arn + "k") == KeySchema(("n", "N"))
    assert tables(arn + "f") == KeySchema(("pk", "S"), ("sk", "N"), {"by-email": ("email",)})
    assert tables(arn + "other") is None
    assert stack.resources["Simple"].kind == "AWS::DynamoDB::Table"
    assert stack.resources["Simple"].properties["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]


@pytest.mark.parametrize(
    ("resource", "arn"),
    [
        ("AWS::S3::Bucket, Properties: {BucketName: n}", "arn:aws:s3:::n"),
        ("AWS::SNS::Topic, Properties: {TopicName: n}", f"arn:aws:sns:{HERE}:n"),
        (
            "AWS::KinesisFirehose::DeliveryStream, Properties: {DeliveryStreamName: n}",
            f"arn:aws:firehose:{HERE}:deliverystream/n",
        ),
        ("AWS::Events::EventBus, Properties: {Name: n}", f"arn:aws:events:{HERE}:event-bus/n"),
        (
            "AWS::StepFunctions::StateMachine, Properties: {StateMachineName: n}",
            f"arn:aws:states:{HERE}:stateMachine:n",
        ),
        ("AWS::SecretsManager::Secret, Properties: {Name: n}", f"arn:aws:secretsmanager:{HERE}:secret:n"),
        ("AWS::SSM::Parameter, Properties: {Name: /a/n}", f"arn:aws:ssm:{HERE}:parameter/a/n"),
        ("AWS::SSM::Parameter, Properties: {Name: n}", f"arn:aws:ssm:{HERE}:parameter/n"),
        ("AWS::Logs::LogGroup, Properties: {LogGroupName: /n}", f"arn:aws:logs:{HERE}:log-group:/n"),
        ("AWS::IAM::Role, Properties: {RoleName: n}", ""),
    ],
)
def test_kinds_that_hold_data_have_their_arn(read: Read, resource: str, arn: str) -> None:
    assert read(f"Resources: {{R: {{Type: {resource}}}}}").resources["R"].arn == arn


def test_other_partitions_are_told_by_the_region(read: Read) -> None:
    text = "Resources: {R: {Type: AWS::S3::Bucket, Properties: {BucketName: n}}}"
    assert read(text, region="cn-north-1").resources["R"].arn == "arn:aws-cn:s3:::n"
    assert read(text, region="us-gov-west-1").resources["R"].arn == "arn:aws-us-gov:s3:::n"
